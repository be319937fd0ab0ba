//! What befalls the lines between the houses.

use crate::operation::Operation;
use crate::world::World;

impl World {
    /// Lines over which somebody recovers stay as they are: the promise holds only while one holder can be reached.
    fn may_worsen(&self, puller: usize, server: usize) -> bool {
        self.houses[puller].recovers_from != Some(server)
    }

    pub fn change_lines(&mut self, operation: &Operation) {
        match operation {
            Operation::Cut { puller, server } => self.cut(*puller, *server),
            Operation::Heal { puller, server } => self.heal(*puller, *server),
            Operation::Isolate { houses } => {
                for house in houses {
                    for other in 0..self.houses.len() {
                        self.cut(*house, other);
                        self.cut(other, *house);
                    }
                }
            }
            Operation::HealAll => {
                for puller in 0..self.houses.len() {
                    (0..self.houses.len()).for_each(|server| self.heal(puller, server));
                }
            }
            Operation::Weather { puller, server, latency_ms, loss_percent, mangled } => {
                if self.may_worsen(*puller, *server)
                    && let Some(line) = self.lines.get_mut(&(*puller, *server))
                {
                    line.latency_ms = *latency_ms;
                    line.loss = f64::from(*loss_percent) / 100.0;
                    line.mangled = *mangled;
                    line.was_mangled |= *mangled;
                }
            }
            _ => {}
        }
    }

    fn cut(&mut self, puller: usize, server: usize) {
        if !self.may_worsen(puller, server) {
            return;
        }
        let Self { lines, rng, elapsed_ms, .. } = self;
        if let Some(line) = lines.get_mut(&(puller, server)) {
            line.cut = true;
            line.break_off(*elapsed_ms, rng);
        }
    }

    fn heal(&mut self, puller: usize, server: usize) {
        if let Some(line) = self.lines.get_mut(&(puller, server)) {
            line.cut = false;
            line.loss = 0.0;
        }
    }
}
