//! A few values in place: a profile is read and written at every checkout, and must not allocate for it.

/// At most `N` values, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Few<T, const N: usize> {
    values: [T; N],
    length: usize,
}

impl<T: Copy + Default, const N: usize> Default for Few<T, N> {
    fn default() -> Self {
        Self { values: [T::default(); N], length: 0 }
    }
}

impl<T: Copy + Default, const N: usize> Few<T, N> {
    pub fn as_slice(&self) -> &[T] {
        self.values.get(..self.length).unwrap_or(&[])
    }

    pub fn as_mut_slice(&mut self) -> &mut [T] {
        self.values.get_mut(..self.length).unwrap_or(&mut [])
    }

    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.as_slice().iter()
    }

    pub const fn is_full(&self) -> bool {
        self.length == N
    }

    /// Adds behind the last; whether there was room.
    pub fn push(&mut self, value: T) -> bool {
        let Some(place) = self.values.get_mut(self.length) else { return false };
        *place = value;
        self.length += 1;
        true
    }

    /// Adds before the value at `at`; whether there was room.
    pub fn insert(&mut self, at: usize, value: T) -> bool {
        if self.is_full() || at > self.length {
            return false;
        }
        self.length += 1;
        let tail = self.values.get_mut(at..self.length).unwrap_or(&mut []);
        tail.rotate_right(1);
        if let Some(first) = tail.first_mut() {
            *first = value;
        }
        true
    }

    /// Adds before the first; where there is no room the last makes it.
    pub fn push_front(&mut self, value: T) {
        self.length = self.length.min(N.saturating_sub(1));
        self.insert(0, value);
    }

    /// Moves the value at `at` before the first.
    pub fn to_front(&mut self, at: usize) {
        if let Some(head) = self.as_mut_slice().get_mut(..=at) {
            head.rotate_right(1);
        }
    }

    /// Keeps those that `keep` wants, which may change them.
    pub fn retain_mut(&mut self, mut keep: impl FnMut(&mut T) -> bool) {
        let mut kept = Self::default();
        for mut value in self.iter().copied() {
            if keep(&mut value) {
                kept.push(value);
            }
        }
        *self = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room_and_order_is_kept() {
        let mut few: Few<u8, 3> = Few::default();
        for value in 1..=4 {
            few.push_front(value);
        }
        assert_eq!(few.as_slice(), [4, 3, 2]);
        few.to_front(2);
        assert_eq!(few.as_slice(), [2, 4, 3]);
        assert!(few.is_full() && !few.push(9) && !few.insert(0, 9));
        few.retain_mut(|value| {
            *value += 1;
            *value != 5
        });
        assert_eq!(few.as_slice(), [3, 4]);
        assert!(few.insert(1, 7) && few.as_slice() == [3, 7, 4]);
        few.to_front(9);
        assert_eq!(few.as_slice(), [3, 7, 4]);
    }
}
