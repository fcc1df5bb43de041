//! Histories written by chance.

use bulla_core::EntryId;
use bulla_core::control::{Cuts, Role};

use super::history::{End, History, cuts, epoch, erase, group, lowering, node, raise, revoke};
use crate::vectors::Random;

const HISTORIES: usize = 18;
const DEVICES: usize = 6;

pub(super) fn all() -> Vec<(String, History)> {
    (0..HISTORIES)
        .map(|number| (format!("history {number}"), Writing::new(number).finish()))
        .collect()
}

struct Writing {
    random: Random,
    history: History,
    /// What was written of whom, for cuts, forks, parents and groups.
    ends: Vec<(usize, End)>,
    epochs: Vec<(EntryId, EntryId)>,
    groups: Vec<EntryId>,
    controls: Vec<EntryId>,
}

impl Writing {
    fn new(number: usize) -> Self {
        let random = Random::new(&format!("directory history {number}"));
        let history = match number % 3 {
            0 => History::new(1, None, None),
            1 => History::new(2, None, None),
            _ => History::new(2, Some(DEVICES - 1), None),
        };
        let (ends, controls) = (vec![(0, history.end(0))], history.heads());
        Self { random, history, ends, epochs: vec![], groups: vec![EntryId::ZERO], controls }
    }

    fn finish(mut self) -> History {
        for _ in 0..12 {
            self.step();
        }
        if self.below(3) == 0 {
            let lost = 1 + self.below(self.history.raw.len() - 1);
            self.history.raw.remove(lost);
        }
        self.history
    }

    fn below(&mut self, end: usize) -> usize {
        usize::from(u16::from_be_bytes(self.random.array())) % end.max(1)
    }

    fn pick<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }

    fn some(&mut self) -> Vec<usize> {
        (0..DEVICES).filter(|_| self.below(2) == 0).collect()
    }

    fn cuts(&mut self, device: usize) -> Cuts {
        let own: Vec<End> =
            self.ends.iter().filter(|(of, _)| *of == device).map(|(_, end)| *end).collect();
        match own.last() {
            Some(last) if self.below(3) > 0 => cuts(&[*last]),
            Some(_) if self.below(2) == 0 => {
                let cut = self.pick(&own);
                cuts(&[cut])
            }
            _ => Cuts(Vec::new()),
        }
    }

    fn step(&mut self) {
        let author = if self.below(4) == 0 { self.below(DEVICES) } else { self.below(3) };
        let device = self.below(DEVICES);
        let role = self.pick(&[Role::Reader, Role::Writer, Role::Admin, Role::Admin]);
        let known = if self.below(3) == 0 {
            vec![self.pick(&self.controls.clone())]
        } else {
            self.history.heads()
        };
        let own: Vec<End> =
            self.ends.iter().filter(|(of, _)| *of == author).map(|(_, end)| *end).collect();
        let after = match self.below(8) {
            0 if !own.is_empty() => Some(self.pick(&own)),
            _ => self.history.ends.get(&author).copied(),
        };
        let key = u8::try_from(1 + self.below(3)).expect("a small number");
        let control = match self.below(18) {
            0..=4 => {
                let invitation = u8::try_from(self.below(3)).expect("a small number");
                self.history.invited(device, role, invitation)
            }
            5 => node(device),
            6 => raise(device, role),
            7 => {
                let cuts = self.cuts(device);
                lowering(device, role, cuts)
            }
            8 | 9 => {
                let cuts = self.cuts(device);
                revoke(device, cuts)
            }
            10 | 11 => {
                let of = self.pick(&self.groups.clone());
                let parents: Vec<EntryId> = self
                    .epochs
                    .iter()
                    .filter(|(group, _)| *group == of)
                    .map(|(_, id)| *id)
                    .collect();
                let parents = parents.last().copied();
                let to = [self.some(), vec![author]].concat();
                epoch(of, parents.as_slice(), key, &to)
            }
            12 | 13 => {
                let of = self.pick(&self.groups.clone());
                let mut added = self.some();
                let mut gone = Vec::new();
                if !of.is_zero() {
                    added.retain(|added| *added != device);
                    gone.push((device, self.cuts(device)));
                }
                group(of, &added, &gone)
            }
            14 => {
                let ids: Vec<EntryId> = self.ends.iter().map(|(_, end)| end.id).collect();
                let id = self.pick(&ids);
                let sequence = 1 + u64::try_from(self.below(3)).expect("a small number");
                erase(device, sequence, &[id])
            }
            15 => {
                let (card, next) = ((author + 1) % DEVICES, 20 + self.below(3));
                let gone = self.cuts(device);
                self.history.recovery(Some(card), &[(device, gone)], Some(next))
            }
            _ => {
                let end = self.history.operation_at(author, after, key);
                self.ends.push((author, end));
                return;
            }
        };
        let is_epoch = match &control {
            bulla_core::control::Control::Epoch(epoch) => Some(epoch.group),
            _ => None,
        };
        let is_group = matches!(control, bulla_core::control::Control::Group(_));
        let id = self.history.write_at(author, after, &known, control);
        self.controls.push(id);
        self.ends.push((author, self.history.end(author)));
        self.epochs.extend(is_epoch.map(|group| (group, id)));
        if is_group {
            self.groups.push(id);
        }
    }
}
