//! A profile as bytes, as it lies in memory and in the store of profiles: [`PROFILE_BYTES`] at most, a hundred or two usually.
//!
//! ```text
//! u8 1                       version
//! first_s, latest_s          varints (LEB128, shortest form)
//! seen day, orders
//! minute, hour, day, week    windows of orders
//! u8 currencies × { [3] code ‖ u8 rows × { varint buckets since the row before ‖ u8 orders } ‖ day ‖ week }
//! u8 countries  × { [2] code ‖ u8 orders } ‖ u8 orders elsewhere
//! u8 categories × { u8 length ‖ characters ‖ u8 orders } ‖ u8 orders elsewhere
//! u8 devices    × u64 mark
//! u8 recent     × u32 (mark ‖ bit: it taught)
//! u8 0, or u8 1 ‖ [2] country ‖ varint second
//!
//! window = varint whose bit n says that bucket n, the youngest being 0, holds anything ‖ a varint for each that does
//! ```
//! Fixed integers are big-endian. Exactly what could have been written is read: any other bytes are refused, whatever they are.

use crate::base::time::Day;
use crate::domain::profile::amounts::{Amounts, REMEMBERED, Row};
use crate::domain::profile::counts::{BUCKET_MINOR, BUCKET_ORDERS, Counts, Purse, Spending};
use crate::domain::profile::event::{Category, Country, Currency, DeviceMark, ReferenceMark};
use crate::domain::profile::few::Few;
use crate::domain::profile::habit::Habit;
use crate::domain::profile::person::Profile;
use crate::domain::profile::windows::Window;

/// Bytes of the largest profile: three currencies, every bucket in use and full.
pub const PROFILE_BYTES: usize = 800;

const VERSION: u8 = 1;

/// Bytes that are no profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProfileFault {
    #[error("a profile of version {found}, this node knows version {VERSION}")]
    Version { found: u8 },
    #[error("a profile that ends too early")]
    Truncated,
    #[error("a profile whose {0} nobody could have written")]
    Malformed(&'static str),
}

impl Profile {
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        for value in [self.first_s, self.latest_s, u64::from(self.seen.0), u64::from(self.orders)] {
            push_varint(out, value);
        }
        push_window(out, &self.counts.minute);
        push_window(out, &self.counts.hour);
        push_window(out, &self.counts.day);
        push_window(out, &self.counts.week);
        push_few(out, &self.purse.0, push_spending);
        push_habit(out, &self.countries, |out, country| out.extend_from_slice(country));
        push_habit(out, &self.categories, |out, category| {
            push_length(out, category.as_str().len());
            out.extend_from_slice(category.as_str().as_bytes());
        });
        push_few(out, &self.devices, |out, device| out.extend_from_slice(&device.0.to_be_bytes()));
        push_few(out, &self.recent, |out, (mark, taught)| {
            out.extend_from_slice(&(mark.bits() << 1 | u32::from(*taught)).to_be_bytes());
        });
        match self.last_place {
            None => out.push(0),
            Some((country, second)) => {
                out.push(1);
                out.extend_from_slice(&country);
                push_varint(out, second);
            }
        }
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, ProfileFault> {
        let mut reader = Reader(bytes);
        let found = reader.byte()?;
        if found != VERSION {
            return Err(ProfileFault::Version { found });
        }
        let profile = Self {
            first_s: reader.varint()?,
            latest_s: reader.varint()?,
            seen: Day(reader.varint_32()?),
            orders: reader.varint_32()?,
            counts: Counts {
                minute: reader.window(BUCKET_ORDERS)?,
                hour: reader.window(BUCKET_ORDERS)?,
                day: reader.window(BUCKET_ORDERS)?,
                week: reader.window(BUCKET_ORDERS)?,
            },
            purse: Purse(reader.few(Reader::spending)?),
            countries: reader.habit("countries", Reader::country)?,
            categories: reader.habit("categories", Reader::category)?,
            devices: reader.few(|reader| Ok(DeviceMark(u64::from_be_bytes(reader.array()?))))?,
            recent: reader.few(|reader| {
                let bits = u32::from_be_bytes(reader.array()?);
                Ok((ReferenceMark::new(bits), bits & 1 == 1))
            })?,
            last_place: match reader.byte()? {
                0 => None,
                1 => Some((reader.country()?, reader.varint()?)),
                _ => return Err(ProfileFault::Malformed("last place")),
            },
        };
        match reader.0 {
            [] if profile.first_s <= profile.latest_s => Ok(profile),
            [] => Err(ProfileFault::Malformed("first transaction")),
            _ => Err(ProfileFault::Malformed("end")),
        }
    }

    /// The day in encoded bytes, without reading the rest; none where they are no profile.
    pub fn seen_of(bytes: &[u8]) -> Option<Day> {
        let mut reader = Reader(bytes);
        (reader.byte().ok()? == VERSION).then_some(())?;
        let (_first, _latest) = (reader.varint().ok()?, reader.varint().ok()?);
        reader.varint_32().ok().map(Day)
    }
}

fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).expect("seven bits") | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).expect("seven bits"));
}

fn push_length(out: &mut Vec<u8>, length: usize) {
    out.push(u8::try_from(length).expect("few values by their type"));
}

fn push_few<T: Copy + Default, const N: usize>(out: &mut Vec<u8>, few: &Few<T, N>, push: impl Fn(&mut Vec<u8>, &T)) {
    push_length(out, few.as_slice().len());
    few.iter().for_each(|value| push(out, value));
}

fn push_habit<T: Copy + Default + PartialEq, const N: usize>(
    out: &mut Vec<u8>,
    habit: &Habit<T, N>,
    push: impl Fn(&mut Vec<u8>, &T),
) {
    push_few(out, habit.rows(), |out, (value, orders)| {
        push(out, value);
        out.push(*orders);
    });
    out.push(habit.others());
}

fn push_spending(out: &mut Vec<u8>, spending: &Spending) {
    out.extend_from_slice(&spending.currency);
    let rows = spending.amounts.rows();
    push_length(out, rows.as_slice().len());
    let mut before = 0;
    for (bucket, orders) in rows.iter() {
        push_varint(out, u64::from(bucket - before));
        out.push(*orders);
        before = *bucket;
    }
    push_window(out, &spending.day);
    push_window(out, &spending.week);
}

fn push_window<const N: usize, const WIDTH_S: u64>(out: &mut Vec<u8>, window: &Window<N, WIDTH_S>) {
    let used = || window.sums().iter().enumerate().filter(|(_, sum)| **sum > 0);
    push_varint(out, used().fold(0, |bits, (at, _)| bits | 1 << at));
    used().for_each(|(_, sum)| push_varint(out, *sum));
}

/// What is still to be read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, ProfileFault> {
        let (first, rest) = self.0.split_first().ok_or(ProfileFault::Truncated)?;
        self.0 = rest;
        Ok(*first)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ProfileFault> {
        let (first, rest) = self.0.split_first_chunk().ok_or(ProfileFault::Truncated)?;
        self.0 = rest;
        Ok(*first)
    }

    fn varint(&mut self) -> Result<u64, ProfileFault> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit, and the last is 0 only where it is the first.
            if (bits << shift) >> shift != bits || (byte == 0 && shift > 0) {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(ProfileFault::Malformed("number"))
    }

    fn varint_32(&mut self) -> Result<u32, ProfileFault> {
        u32::try_from(self.varint()?).map_err(|_| ProfileFault::Malformed("number"))
    }

    fn few<T: Copy + Default, const N: usize>(
        &mut self,
        read: impl Fn(&mut Self) -> Result<T, ProfileFault>,
    ) -> Result<Few<T, N>, ProfileFault> {
        let mut few = Few::default();
        for _ in 0..self.byte()? {
            if !few.push(read(self)?) {
                return Err(ProfileFault::Malformed("length"));
            }
        }
        Ok(few)
    }

    fn habit<T: Copy + Default + PartialEq, const N: usize>(
        &mut self,
        what: &'static str,
        read: impl Fn(&mut Self) -> Result<T, ProfileFault>,
    ) -> Result<Habit<T, N>, ProfileFault> {
        let rows = self.few(|reader| Ok((read(reader)?, reader.byte()?)))?;
        Habit::from_rows(rows, self.byte()?).ok_or(ProfileFault::Malformed(what))
    }

    fn window<const N: usize, const WIDTH_S: u64>(&mut self, most: u64) -> Result<Window<N, WIDTH_S>, ProfileFault> {
        let used = self.varint()?;
        if used >> N != 0 {
            return Err(ProfileFault::Malformed("window"));
        }
        let mut sums = [0; N];
        for (_, sum) in sums.iter_mut().enumerate().filter(|(at, _)| used >> at & 1 == 1) {
            *sum = self.varint()?;
            if *sum == 0 || *sum > most {
                return Err(ProfileFault::Malformed("window"));
            }
        }
        Ok(Window::from_sums(sums))
    }

    fn spending(&mut self) -> Result<Spending, ProfileFault> {
        let currency: Currency = self.array()?;
        let mut rows: Few<Row, REMEMBERED> = Few::default();
        let mut bucket = 0_u16;
        for _ in 0..self.byte()? {
            let since = u16::try_from(self.varint()?).ok().and_then(|since| bucket.checked_add(since));
            bucket = since.ok_or(ProfileFault::Malformed("amounts"))?;
            if !rows.push((bucket, self.byte()?)) {
                return Err(ProfileFault::Malformed("amounts"));
            }
        }
        let amounts = Amounts::from_rows(rows).ok_or(ProfileFault::Malformed("amounts"))?;
        let upper = currency.iter().all(u8::is_ascii_uppercase);
        let (day, week) = (self.window(BUCKET_MINOR)?, self.window(BUCKET_MINOR)?);
        upper.then_some(Spending { currency, amounts, day, week }).ok_or(ProfileFault::Malformed("currency"))
    }

    fn country(&mut self) -> Result<Country, ProfileFault> {
        let country: Country = self.array()?;
        let upper = country.iter().all(u8::is_ascii_uppercase);
        upper.then_some(country).ok_or(ProfileFault::Malformed("country"))
    }

    fn category(&mut self) -> Result<Category, ProfileFault> {
        let length = usize::from(self.byte()?);
        let (text, rest) = self.0.split_at_checked(length).ok_or(ProfileFault::Truncated)?;
        self.0 = rest;
        let text = std::str::from_utf8(text).ok();
        text.and_then(Category::parse).ok_or(ProfileFault::Malformed("category"))
    }
}

#[cfg(test)]
mod tests;
