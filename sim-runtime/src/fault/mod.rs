//! Bad things that may happen: which, how often, how many, and whether they mattered.
//!
//! A [`Plan`] says what a scenario is meant to survive. For each seed some kinds of the plan are
//! switched off and the others get wild weights (swarm testing: Groce and others, ISSTA 2012), and the
//! budget is small first: most bugs need one or two faults (TaxDC, ASPLOS 2016), and a run with
//! few is easier to read. What is recorded of all this is one bit a strike, in the lane
//! `fault/KIND`; so a recorded fault strikes again whatever the plan has become.
//!
//! Every kind is accounted: how often it could have struck, struck, and had an effect. A fault
//! that never fires tests nothing, and the sweep says so.

use crate::executor::World;
use crate::tape::{Lane, Ratio, Tape, uniform};
use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Which kinds of faults may strike, how likely at each opportunity, and how many in a run.
///
/// ```
/// use sim_runtime::fault::Plan;
/// use sim_runtime::tape::Ratio;
/// let plan = Plan::new().allow("http.response_lost", Ratio::new(1, 10)).budget(2);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    kinds: BTreeMap<String, Ratio>,
    budget: Option<u32>,
    steady: bool,
}

impl Plan {
    /// A plan without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows a kind, with this probability at each opportunity.
    #[must_use]
    pub fn allow(mut self, kind: &str, probability: Ratio) -> Self {
        self.kinds.insert(kind.to_owned(), probability);
        self
    }

    /// At most so many strikes in a run. Default 3.
    #[must_use]
    pub fn budget(mut self, strikes: u32) -> Self {
        self.budget = Some(strikes);
        self
    }

    /// The plan as it is for every seed: no kind switched off, no changed weights, the whole
    /// budget. For scenarios that are about one fault, and for measuring.
    #[must_use]
    pub fn steady(mut self) -> Self {
        self.steady = true;
        self
    }
}

/// What became of one kind of fault, in a run or summed over many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Opportunities.
    pub asked: u64,
    /// Strikes.
    pub fired: u64,
    /// Strikes that changed something.
    pub had_effect: u64,
}

impl Account {
    /// Adds another account to this one.
    pub fn add(&mut self, other: Self) {
        self.asked += other.asked;
        self.fired += other.fired;
        self.had_effect += other.had_effect;
    }
}

/// The faults of one run. Reached by [`faults`].
pub struct Faults {
    kinds: RefCell<BTreeMap<String, Kind>>,
    /// What scenarios asked for outside of any plan.
    asked_for: RefCell<BTreeMap<String, Account>>,
    budget: Cell<u32>,
    any: Cell<bool>,
    /// In the liveness phase nothing strikes.
    healed: Cell<bool>,
}

struct Kind {
    lane: Lane,
    /// As the swarm left it for this seed.
    probability: Ratio,
    account: Account,
}

const BUDGET: u32 = 3;

/// The faults of this run.
pub fn faults(world: &World) -> Rc<Faults> {
    world.extension(|| Faults {
        kinds: RefCell::default(),
        asked_for: RefCell::default(),
        budget: Cell::new(0),
        any: Cell::new(false),
        healed: Cell::new(false),
    })
}

impl Faults {
    /// Puts a plan in force; kinds that an earlier plan allowed and this one does not are off.
    pub fn set_plan(&self, tape: &Tape, plan: &Plan) {
        let mut generator = tape.generator("fault/plan");
        let budget = plan.budget.unwrap_or(BUDGET);
        let small_first = match uniform(&mut generator, 4) {
            0 | 1 => budget.min(1),
            2 => budget.min(2),
            _ => budget,
        };
        self.budget.set(if plan.steady { budget } else { small_first });
        let kept = uniform(&mut generator, plan.kinds.len() as u64);
        let mut kinds = self.kinds.borrow_mut();
        self.any.set(self.any.get() || !plan.kinds.is_empty());
        kinds.values_mut().for_each(|kind| kind.probability = Ratio::NEVER);
        for (index, (name, probability)) in plan.kinds.iter().enumerate() {
            let on = uniform(&mut generator, 2) == 1 || index as u64 == kept;
            let factor = [(1, 4), (1, 1), (4, 1)][uniform(&mut generator, 3) as usize];
            let probability = match (plan.steady, on) {
                (true, _) => *probability,
                (false, true) => scaled(*probability, factor),
                (false, false) => Ratio::NEVER,
            };
            let kind = kinds.entry(name.clone()).or_insert_with(|| Kind {
                lane: tape.lane(&format!("fault/{name}")),
                probability,
                account: Account::default(),
            });
            kind.probability = probability;
        }
    }

    /// Whether a fault of this kind strikes now. An opportunity of a kind that no plan allows is
    /// not even counted. `describe` says in domain words what is struck, for the trace.
    pub fn strike(&self, world: &World, kind: &str, describe: impl FnOnce() -> String) -> bool {
        if self.healed.get() {
            return false;
        }
        let mut kinds = self.kinds.borrow_mut();
        let Some(state) = kinds.get_mut(kind) else { return false };
        state.account.asked += 1;
        let (probability, budget) = (state.probability, self.budget.get());
        // The plan decides only when choices are drawn; a recording overrules it.
        let struck = state.lane.decide(2, |generator| {
            let draw = uniform(generator, probability.denominator().into());
            u64::from(budget > 0 && draw < probability.numerator().into())
        }) == 1;
        if struck {
            state.account.fired += 1;
            self.budget.set(budget.saturating_sub(1));
            drop(kinds);
            world.fact("fault", &[], || format!("{kind}: {}", describe()));
        }
        struck
    }

    /// Whether there is any kind to ask about: a plan was put in force, at some time.
    #[inline]
    pub fn any(&self) -> bool {
        self.any.get()
    }

    /// Whether a plan allows this kind, for callers whose preparations would cost something.
    pub fn allows(&self, kind: &str) -> bool {
        self.kinds.borrow().contains_key(kind)
    }

    /// The latest strike of this kind changed something.
    pub fn had_effect(&self, kind: &str) {
        if let Some(kind) = self.kinds.borrow_mut().get_mut(kind) {
            kind.account.had_effect += 1;
        }
    }

    /// A scenario asked for something that may never come about (a rule on requests, say): `kind` appears in the
    /// accounts, as never fired until [`Faults::acted`] says otherwise.
    pub fn expect(&self, kind: &str) {
        self.asked_for.borrow_mut().entry(kind.to_owned()).or_default().asked += 1;
    }

    /// What the scenario asked for came about, and had its effect.
    pub fn acted(&self, kind: &str) {
        let mut asked_for = self.asked_for.borrow_mut();
        let account = asked_for.entry(kind.to_owned()).or_default();
        account.fired += 1;
        account.had_effect += 1;
    }

    /// From now on nothing strikes.
    pub fn heal(&self) {
        self.healed.set(true);
    }

    /// Whether the run is in its liveness phase.
    pub fn is_healed(&self) -> bool {
        self.healed.get()
    }

    /// The account of each kind that a plan allowed and of what scenarios asked for, by name.
    pub fn accounts(&self) -> BTreeMap<String, Account> {
        let kinds = self.kinds.borrow();
        let planned = kinds.iter().map(|(name, kind)| (name.clone(), kind.account));
        let asked_for = self.asked_for.borrow();
        planned.chain(asked_for.iter().map(|(name, account)| (name.clone(), *account))).collect()
    }

    /// A marked place in code, for behaviour that is legal but rare: true in few runs and then
    /// not seldom. Two phases (after FoundationDB's buggify): the site is armed in one run of
    /// four; an armed site fires at one passage of four. So a run is ruled by a few oddities
    /// instead of a little of everything. Needs no plan and no budget.
    pub fn site(&self, world: &World, name: &'static str) -> bool {
        if self.healed.get() {
            return false;
        }
        let mut kinds = self.kinds.borrow_mut();
        let kind = format!("site.{name}");
        self.any.set(true);
        let state = kinds.entry(kind).or_insert_with_key(|kind| {
            let armed = uniform(&mut world.tape.generator(kind), 4) == 0;
            let probability = if armed { Ratio::new(1, 4) } else { Ratio::NEVER };
            Kind { lane: world.tape.lane(&format!("fault/{kind}")), probability, account: Account::default() }
        });
        state.account.asked += 1;
        let probability = state.probability;
        let fires = state.lane.decide(2, |generator| {
            u64::from(uniform(generator, probability.denominator().into()) < probability.numerator().into())
        }) == 1;
        if fires {
            state.account.fired += 1;
            drop(kinds);
            world.fact("fault", &[], || format!("site.{name}: fired"));
        }
        fires
    }
}

fn scaled(ratio: Ratio, (times, over): (u32, u32)) -> Ratio {
    let denominator = ratio.denominator().saturating_mul(over);
    Ratio::new(ratio.numerator().saturating_mul(times).min(denominator), denominator)
}
