//! Exactly once: whatever was asked for under one business key happened once, however often it was tried.
//!
//! A payment, a shipment, a mail: the caller tries, loses the answer, tries again, perhaps under another idempotency key. Requests may differ, the
//! *business key* (`order 42 paid`) does not. The judge compares what clients were told with what took effect. An attempt
//! whose answer was lost may or may not have had its effect: it permits one and demands none.
//!
//! | told | effects | verdict |
//! |---|---|---|
//! | any | more certain ones than allowed | [`OnceFinding::TooMany`] |
//! | done | none, not even a possible one | [`OnceFinding::Missing`] |
//! | refused only | one or more | [`OnceFinding::DespiteRefusal`] |
//! | nobody asked | one or more | [`OnceFinding::Unasked`] |

use std::collections::BTreeMap;
use std::fmt;

use super::operation::{Key, Moment, TransactionId, Version};
use super::record::History;
use super::transaction::{Digest, Outcome};

/// What the caller of one attempt learned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    /// Nothing: the answer was lost, or has not come yet.
    #[default]
    Nothing,
    /// It is done (now or by an earlier attempt).
    Done,
    /// It is not done, and this attempt will not do it.
    Refused,
}

/// Whether an effect is known to have lasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// It happened.
    Certain,
    /// It may have: its transaction's outcome is unknown.
    Possible,
}

/// One attempt to bring about an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Attempt {
    request: String,
    told: Told,
}

/// One effect, and which request caused it when that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Effect {
    request: Option<String>,
    at: Moment,
    certainty: Certainty,
}

/// Number of an attempt, for telling its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptId {
    key: String,
    index: usize,
}

/// Attempts and effects by business key, fed while they happen.
///
/// ```
/// use sim_db::history::{Certainty, Effects, Moment, Told};
///
/// let at = |ns| Moment { tick: ns, ns };
/// let mut effects = Effects::new();
/// let first = effects.attempt("payment of order 42", "req-a1");
/// effects.effect("payment of order 42", Some("req-a1"), Certainty::Certain, at(2));
/// // The answer is lost; the client retries with a new idempotency key.
/// let second = effects.attempt("payment of order 42", "req-a2");
/// effects.effect("payment of order 42", Some("req-a2"), Certainty::Certain, at(4));
/// effects.told(&second, Told::Done);
/// assert_eq!(
///     effects.judge()[0].to_string(),
///     "payment of order 42 took effect 2 times, at most 1 allowed: at 2 ns by req-a1, at 4 ns by req-a2; \
///      attempts: req-a1 (no answer), req-a2 (done)"
/// );
/// # let _ = first;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Effects {
    keys: BTreeMap<String, (Vec<Attempt>, Vec<Effect>)>,
    limits: BTreeMap<String, usize>,
    unasked_allowed: bool,
}

impl Effects {
    /// Nothing tried, nothing done. Each key may take effect once.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes effects for granted that no recorded attempt asked for: for when only effects are recorded.
    #[must_use]
    pub fn without_attempts(mut self) -> Self {
        self.unasked_allowed = true;
        self
    }

    /// Allows a key more (or no) effects; 1 by default.
    pub fn allow(&mut self, key: &str, effects: usize) {
        self.limits.insert(key.to_owned(), effects);
    }

    /// A request tries to bring about the effect.
    pub fn attempt(&mut self, key: &str, request: &str) -> AttemptId {
        let (attempts, _) = self.keys.entry(key.to_owned()).or_default();
        attempts.push(Attempt { request: request.to_owned(), told: Told::Nothing });
        AttemptId { key: key.to_owned(), index: attempts.len() - 1 }
    }

    /// Its caller was told how it went. An attempt never told counts as lost.
    ///
    /// # Panics
    ///
    /// When the attempt is another recorder's.
    pub fn told(&mut self, attempt: &AttemptId, told: Told) {
        let known = self.keys.get_mut(&attempt.key).and_then(|(attempts, _)| attempts.get_mut(attempt.index));
        known.expect("an attempt is told of by the recorder that made it").told = told;
    }

    /// The effect took place: a row was committed, money was captured, a mail went out.
    pub fn effect(&mut self, key: &str, request: Option<&str>, certainty: Certainty, at: Moment) {
        let (_, effects) = self.keys.entry(key.to_owned()).or_default();
        effects.push(Effect { request: request.map(str::to_owned), at, certainty });
    }

    /// Takes the effects from a database's history: `key_of` names the business key of a written version, if it is one.
    /// Versions of committed transactions are certain, those of unknown outcome possible unless somebody saw them.
    pub fn add_from(
        &mut self,
        history: &History,
        mut key_of: impl FnMut(TransactionId, Key, Version) -> Option<String>,
    ) {
        let digest = Digest::new(history);
        for transaction in &digest.transactions {
            let certainty = match transaction.outcome {
                _ if transaction.happened => Certainty::Certain,
                Outcome::Unknown => Certainty::Possible,
                _ => continue,
            };
            for write in transaction.writes.iter().filter(|write| write.last) {
                let operation = &history.operations()[write.operation];
                if let Some(key) = key_of(transaction.id, write.key, write.version) {
                    let request = operation.request.map(|label| history.text(label));
                    self.effect(&key, request, certainty, operation.span.end);
                }
            }
        }
    }

    /// Judges every key, in the order of their names. Call it when nothing is on its way any more: a missing effect
    /// may otherwise still come.
    pub fn judge(&self) -> Vec<OnceFinding> {
        self.keys
            .iter()
            .filter_map(|(key, (attempts, effects))| self.judge_key(key, attempts, effects))
            .collect()
    }

    fn judge_key(&self, key: &str, attempts: &[Attempt], effects: &[Effect]) -> Option<OnceFinding> {
        let allowed = self.limits.get(key).copied().unwrap_or(1);
        let certain = effects.iter().filter(|effect| effect.certainty == Certainty::Certain).count();
        let proof = || Proof {
            key: key.to_owned(),
            effects: effects.iter().map(shown).collect(),
            attempts: attempts.iter().map(told).collect(),
        };
        let any = |told: Told| attempts.iter().any(|attempt| attempt.told == told);
        if certain > allowed {
            return Some(OnceFinding::TooMany { proof: proof(), certain, allowed });
        }
        if certain > 0 && attempts.is_empty() && !self.unasked_allowed {
            return Some(OnceFinding::Unasked { proof: proof() });
        }
        if certain > 0 && any(Told::Refused) && !any(Told::Done) && !any(Told::Nothing) {
            return Some(OnceFinding::DespiteRefusal { proof: proof() });
        }
        (effects.is_empty() && any(Told::Done)).then(|| OnceFinding::Missing { proof: proof() })
    }
}

/// The texts of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The business key.
    pub key: String,
    /// Each effect: when, and by which request.
    pub effects: Vec<String>,
    /// Each attempt: the request and what its caller was told.
    pub attempts: Vec<String>,
}

/// One key that did not take effect exactly once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnceFinding {
    /// More often than allowed, beyond doubt.
    TooMany {
        /// The texts.
        proof: Proof,
        /// Effects that certainly happened.
        certain: usize,
        /// Effects allowed.
        allowed: usize,
    },
    /// A caller was told that it is done, and it is not.
    Missing {
        /// The texts.
        proof: Proof,
    },
    /// Every caller was refused, and it happened all the same.
    DespiteRefusal {
        /// The texts.
        proof: Proof,
    },
    /// Nobody asked for it.
    Unasked {
        /// The texts.
        proof: Proof,
    },
}

impl fmt::Display for OnceFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proof = match self {
            Self::TooMany { proof, certain, allowed } => {
                write!(f, "{} took effect {certain} times, at most {allowed} allowed: ", proof.key)?;
                proof
            }
            Self::Missing { proof } => {
                write!(f, "{} never took effect although a caller was told so", proof.key)?;
                proof
            }
            Self::DespiteRefusal { proof } => {
                write!(f, "{} took effect although every caller was refused: ", proof.key)?;
                proof
            }
            Self::Unasked { proof } => {
                write!(f, "{} took effect although nobody asked for it: ", proof.key)?;
                proof
            }
        };
        f.write_str(&proof.effects.join(", "))?;
        if proof.attempts.is_empty() {
            Ok(())
        } else {
            write!(f, "; attempts: {}", proof.attempts.join(", "))
        }
    }
}

fn shown(effect: &Effect) -> String {
    let by = effect.request.as_ref().map(|request| format!(" by {request}")).unwrap_or_default();
    let doubt = if effect.certainty == Certainty::Possible { " perhaps" } else { "" };
    format!("at {} ns{by}{doubt}", effect.at.ns)
}

fn told(attempt: &Attempt) -> String {
    let told = match attempt.told {
        Told::Nothing => "no answer",
        Told::Done => "done",
        Told::Refused => "refused",
    };
    format!("{} ({told})", attempt.request)
}
