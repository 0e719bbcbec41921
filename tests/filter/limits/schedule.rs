//! Runs workers in turns, access by access, in every possible order.
//!
//! What a worker does depends only on the store's answers, so it needs no thread. For its next turn it starts
//! again, gets the same answers as before, makes one new access, and stops at the next one.

use std::cell::{Cell, RefCell};

use mcp_policy_engine::limit::{ChargeOutcome, MemoryStore, Store, Unavailable};

/// Runs `workers` workers on a new store in every order of their accesses and returns the number of orders.
/// `act` is what a worker does; `check` gets the store and the workers' outcomes.
///
/// A worker that pauses continues after another one has written.
pub fn every_order(
    workers: usize,
    act: impl Fn(usize, &Turns<'_>) -> ChargeOutcome,
    mut check: impl FnMut(&MemoryStore, Vec<ChargeOutcome>),
) -> usize {
    let mut choices: Vec<Choice> = Vec::new();
    for orders in 1.. {
        let memory = MemoryStore::new();
        let mut all: Vec<_> = (0..workers).map(|_| Worker::default()).collect();
        for step in 0.. {
            let able = able(&all);
            if able.is_empty() {
                break;
            }
            if step == choices.len() {
                choices.push(Choice { chosen: 0, among: able.len() });
            }
            assert_eq!(choices[step].among, able.len(), "the same choices led to another step");
            let worker = able[choices[step].chosen];
            if all[worker].go_on(&memory, |turns| act(worker, turns)) {
                all.iter_mut()
                    .enumerate()
                    .filter(|(at, _)| *at != worker)
                    .for_each(|(_, one)| one.paused = false);
            }
        }
        check(&memory, all.into_iter().filter_map(|worker| worker.outcome).collect());

        while choices.pop_if(|choice| choice.chosen + 1 == choice.among).is_some() {}
        match choices.last_mut() {
            Some(choice) => choice.chosen += 1,
            None => return orders,
        }
    }
    unreachable!()
}

/// Which of the workers that could continue did so, and how many could.
struct Choice {
    chosen: usize,
    among: usize,
}

#[derive(Default)]
struct Worker {
    answers: Vec<Answer>,
    paused: bool,
    outcome: Option<ChargeOutcome>,
}

#[derive(Clone)]
enum Answer {
    Read(Option<Vec<u8>>, u64),
    Swap(bool),
}

/// Returns the workers that can continue: those that do not pause, or all if no other will write.
fn able(workers: &[Worker]) -> Vec<usize> {
    let that = |paused| {
        let all = workers.iter().enumerate();
        all.filter(|(_, worker)| worker.outcome.is_none() && worker.paused == paused)
            .map(|(at, _)| at)
            .collect()
    };
    let ready: Vec<_> = that(false);
    if ready.is_empty() { that(true) } else { ready }
}

impl Worker {
    /// Makes the next access and continues to the one after it, or to the end. Returns whether it has
    /// written.
    fn go_on(&mut self, memory: &MemoryStore, act: impl Fn(&Turns<'_>) -> ChargeOutcome) -> bool {
        let before = self.answers.len();
        let turns = Turns {
            memory,
            answers: RefCell::new(std::mem::take(&mut self.answers)),
            given: Cell::new(0),
            made: before + 1,
            paused: Cell::new(false),
            stopped: Cell::new(false),
        };
        let outcome = act(&turns);
        self.outcome = (!turns.stopped.get()).then_some(outcome);
        self.paused = turns.paused.get();
        self.answers = turns.answers.into_inner();
        matches!(self.answers.get(before), Some(Answer::Swap(true)))
    }
}

/// A worker's view of the store during its turn.
pub struct Turns<'a> {
    memory: &'a MemoryStore,
    answers: RefCell<Vec<Answer>>,
    given: Cell<usize>,
    /// How many accesses it will have made at the end of the turn.
    made: usize,
    paused: Cell<bool>,
    stopped: Cell<bool>,
}

impl Turns<'_> {
    fn answer(&self, access: impl FnOnce() -> Result<Answer, Unavailable>) -> Result<Answer, Unavailable> {
        if self.given.get() == self.made {
            self.stopped.set(true);
            return Err(Unavailable);
        }
        let mut answers = self.answers.borrow_mut();
        if self.given.get() == answers.len() {
            answers.push(access()?);
        }
        self.paused.set(false);
        self.given.set(self.given.get() + 1);
        Ok(answers[self.given.get() - 1].clone())
    }
}

impl Store for Turns<'_> {
    type Version = u64;

    fn read(&self, key: &str) -> Result<(Option<Vec<u8>>, u64), Unavailable> {
        let answer =
            self.answer(|| self.memory.read(key).map(|(value, version)| Answer::Read(value, version)))?;
        let Answer::Read(value, version) = answer else { unreachable!("a worker does the same again") };
        Ok((value, version))
    }

    fn swap(&self, key: &str, value: &[u8], version: u64) -> Result<bool, Unavailable> {
        let Answer::Swap(written) =
            self.answer(|| self.memory.swap(key, value, version).map(Answer::Swap))?
        else {
            unreachable!("a worker does the same again")
        };
        Ok(written)
    }

    fn pause(&self) {
        if !self.stopped.get() {
            self.paused.set(true);
        }
    }
}
