//! Which function or operator is meant: PostgreSQL's rules of overload resolution.

use crate::error::Result;
use crate::sql::cast::{CastContext, find};
use crate::sql::catalog::Env;
use crate::sql::function::Function;
use crate::value::text::TypeCatalog;
use crate::value::{Oid, oid, types};

/// The outcome of a search among candidates.
pub enum Resolution {
    /// This one, its arguments to be coerced to these types, its result of this type.
    Found {
        /// Function.
        function: &'static Function,
        /// Types of the arguments.
        types: Vec<Oid>,
        /// Result type.
        result: Oid,
    },
    /// More than one fits equally well.
    Ambiguous,
    /// None fits.
    Missing,
}

fn is_polymorphic(type_oid: Oid) -> bool {
    matches!(type_oid, oid::ANYELEMENT | oid::ANYARRAY | oid::ANYNONARRAY | oid::ANYENUM | oid::ANYRANGE)
}

/// Whether an argument of a type may be given where `wanted` is declared.
fn accepts(given: Oid, wanted: Oid, env: &Env) -> bool {
    if given == wanted || given == oid::UNKNOWN || wanted == oid::ANY {
        return true;
    }
    match wanted {
        oid::ANYELEMENT => return true,
        oid::ANYARRAY => {
            return env.element_of(env.base_type(crate::value::DataType::of(given)).oid).is_some();
        }
        oid::ANYNONARRAY => return env.element_of(given).is_none(),
        oid::ANYENUM => return matches!(env.kind(given), Some(crate::value::text::TypeKind::Enum)),
        oid::ANYRANGE => return env.category(given) == 'R',
        _ => {}
    }
    find(given, wanted, CastContext::Implicit, env).is_some()
}

/// The declared types of a function for a number of arguments, variadic ones repeated.
fn declared(function: &Function, count: usize) -> Option<Vec<Oid>> {
    let fixed = function.args.len();
    if function.variadic {
        if count + 1 < fixed || (count == fixed - 1 && function.args[fixed - 1] != oid::ANY) || count < fixed
        {
            return None;
        }
        let mut types = function.args[..fixed - 1].to_vec();
        types.resize(count, function.args[fixed - 1]);
        return Some(types);
    }
    (count <= fixed && count + function.defaults >= fixed).then(|| function.args[..count].to_vec())
}

/// Fixes polymorphic types from the arguments: the concrete declared types and the result type.
fn concretize(declared: &[Oid], given: &[Oid], result: Oid, env: &Env) -> Option<(Vec<Oid>, Oid)> {
    let mut element: Option<Oid> = None;
    let mut range: Option<Oid> = None;
    for (wanted, given) in declared.iter().zip(given) {
        if *given == oid::UNKNOWN {
            continue;
        }
        match *wanted {
            oid::ANYELEMENT | oid::ANYNONARRAY | oid::ANYENUM => {
                let given = *given;
                match element {
                    None => element = Some(given),
                    Some(known) if known == given => {}
                    Some(known) => {
                        // The later one must coerce, or be what the first coerces to.
                        if find(given, known, CastContext::Implicit, env).is_none() {
                            if find(known, given, CastContext::Implicit, env).is_some() {
                                element = Some(given);
                            } else {
                                return None;
                            }
                        }
                    }
                }
            }
            oid::ANYARRAY => {
                let base = env.base_type(crate::value::DataType::of(*given)).oid;
                let inner = env.element_of(base)?;
                match element {
                    None => element = Some(inner),
                    Some(known) if known == inner => {}
                    Some(known) => {
                        if find(known, inner, CastContext::Implicit, env).is_some() {
                            element = Some(inner);
                        } else if find(inner, known, CastContext::Implicit, env).is_none() {
                            return None;
                        }
                    }
                }
            }
            oid::ANYRANGE => match range {
                None => range = Some(*given),
                Some(known) if known == *given => {}
                Some(_) => return None,
            },
            _ => {}
        }
    }
    let fix = |wanted: Oid| -> Option<Oid> {
        Some(match wanted {
            oid::ANYELEMENT | oid::ANYNONARRAY | oid::ANYENUM => element.unwrap_or(oid::TEXT),
            oid::ANYARRAY => env.array_of(element.unwrap_or(oid::TEXT))?,
            oid::ANYRANGE => range?,
            other => other,
        })
    };
    let mut concrete = Vec::with_capacity(declared.len());
    for (wanted, given) in declared.iter().zip(given) {
        // An int2vector given for an array stays what it is.
        if *wanted == oid::ANYARRAY && matches!(*given, oid::INT2VECTOR | oid::OIDVECTOR) {
            concrete.push(*given);
        } else {
            concrete.push(fix(*wanted)?);
        }
    }
    Some((concrete, fix(result)?))
}

struct Candidate {
    function: &'static Function,
    types: Vec<Oid>,
}

fn preferred(type_oid: Oid) -> bool {
    types::info(type_oid).is_some_and(|info| info.preferred)
}

/// Keeps the candidates with the best score; all when none scores.
fn keep_best(candidates: Vec<Candidate>, score: impl Fn(&Candidate) -> usize) -> Vec<Candidate> {
    let best = candidates.iter().map(&score).max().unwrap_or(0);
    candidates.into_iter().filter(|candidate| score(candidate) == best).collect()
}

/// Chooses among functions of one name.
pub fn choose(functions: &[&'static Function], given: &[Oid], env: &Env) -> Resolution {
    let finish = |function: &'static Function, declared: &[Oid]| -> Resolution {
        match concretize(declared, given, function.result, env) {
            Some((mut types, result)) => {
                // "any" takes the argument as it is; an unknown literal becomes text.
                for (at, wanted) in types.iter_mut().enumerate() {
                    if *wanted == oid::ANY {
                        *wanted = if given[at] == oid::UNKNOWN { oid::TEXT } else { given[at] };
                    } else if *wanted == oid::RECORD && given[at] != oid::UNKNOWN {
                        *wanted = given[at];
                    }
                }
                Resolution::Found { function, types, result }
            }
            None => Resolution::Missing,
        }
    };
    // Domains count as their base types.
    let base: Vec<Oid> = given.iter().map(|g| env.base_type(crate::value::DataType::of(*g)).oid).collect();
    let given_base = base.as_slice();
    let mut candidates: Vec<Candidate> = Vec::new();
    for function in functions {
        let Some(types) = declared(function, given.len()) else { continue };
        if types == given_base && !given_base.contains(&oid::UNKNOWN) {
            return finish(function, &types);
        }
        if types.iter().zip(given_base).all(|(wanted, given)| accepts(*given, *wanted, env))
            && concretize(&types, given_base, function.result, env).is_some()
        {
            candidates.push(Candidate { function, types });
        }
    }
    if candidates.is_empty() {
        return Resolution::Missing;
    }
    // A function that is not variadic beats one that is.
    if candidates.len() > 1 && candidates.iter().any(|c| !c.function.variadic) {
        candidates.retain(|c| !c.function.variadic);
    }
    let one = |candidates: &[Candidate]| candidates.len() == 1;
    if one(&candidates) {
        return finish(candidates[0].function, &candidates[0].types);
    }
    // Most exact matches.
    let exact = |candidate: &Candidate| {
        candidate
            .types
            .iter()
            .zip(given_base)
            .filter(|(wanted, given)| wanted == given && **given != oid::UNKNOWN)
            .count()
    };
    candidates = keep_best(candidates, exact);
    if one(&candidates) {
        return finish(candidates[0].function, &candidates[0].types);
    }
    // Most preferred types where a coercion is needed.
    let exact_or_preferred = |candidate: &Candidate| {
        candidate
            .types
            .iter()
            .zip(given_base)
            .filter(|(wanted, given)| {
                **given != oid::UNKNOWN
                    && (wanted == given
                        || (preferred(**wanted) && env.category(**wanted) == env.category(**given)))
            })
            .count()
    };
    candidates = keep_best(candidates, exact_or_preferred);
    if one(&candidates) {
        return finish(candidates[0].function, &candidates[0].types);
    }
    // Unknown literals: the category all candidates agree on, strings first.
    let unknown: Vec<usize> = (0..given_base.len()).filter(|at| given_base[*at] == oid::UNKNOWN).collect();
    if !unknown.is_empty() {
        let mut resolved = true;
        for &at in &unknown {
            let mut category = None;
            let mut conflict = false;
            let mut string = false;
            for candidate in &candidates {
                let here = env.category(candidate.types[at]);
                string |= here == 'S';
                match category {
                    None => category = Some(here),
                    Some(known) if known == here => {}
                    Some(_) => conflict = true,
                }
            }
            if string {
                category = Some('S');
            } else if conflict {
                resolved = false;
                break;
            }
            let category = category.unwrap_or('S');
            let has_preferred = candidates.iter().any(|candidate| {
                env.category(candidate.types[at]) == category && preferred(candidate.types[at])
            });
            let fits = |candidate: &Candidate| {
                env.category(candidate.types[at]) == category
                    && (!has_preferred || preferred(candidate.types[at]))
            };
            if candidates.iter().any(fits) {
                candidates.retain(fits);
            }
        }
        if resolved && one(&candidates) {
            return finish(candidates[0].function, &candidates[0].types);
        }
        // Assume that an unknown literal is of the one type that is known.
        let known: Vec<Oid> = given_base.iter().copied().filter(|g| *g != oid::UNKNOWN).collect();
        if let Some(first) = known.first()
            && known.iter().all(|k| k == first)
        {
            let same: Vec<&Candidate> = candidates
                .iter()
                .filter(|c| c.types.iter().all(|wanted| accepts_same(*first, *wanted, env)))
                .collect();
            if let [candidate] = same.as_slice() {
                return finish(candidate.function, &candidate.types);
            }
        }
    }
    if candidates.iter().skip(1).all(|candidate| candidate.types == candidates[0].types) {
        return finish(candidates[0].function, &candidates[0].types);
    }
    // Polymorphic candidates lose to concrete ones.
    let concrete: Vec<&Candidate> =
        candidates.iter().filter(|c| !c.types.iter().any(|wanted| is_polymorphic(*wanted))).collect();
    if let [candidate] = concrete.as_slice() {
        return finish(candidate.function, &candidate.types);
    }
    Resolution::Ambiguous
}

fn accepts_same(given: Oid, wanted: Oid, env: &Env) -> bool {
    accepts(given, wanted, env)
}

/// Chooses an operator. One unknown operand is first taken to be of the other's type.
pub fn choose_operator(functions: &[&'static Function], given: &[Oid], env: &Env) -> Resolution {
    if let [left, right] = given
        && (*left == oid::UNKNOWN) != (*right == oid::UNKNOWN)
    {
        let known = if *left == oid::UNKNOWN { *right } else { *left };
        let known = env.base_type(crate::value::DataType::of(known)).oid;
        let both = [known, known];
        for function in functions {
            if function.args == both {
                return Resolution::Found { function, types: both.to_vec(), result: function.result };
            }
        }
    }
    if let [oid::UNKNOWN, oid::UNKNOWN] = given {
        for function in functions {
            if function.args == [oid::TEXT, oid::TEXT] {
                return Resolution::Found {
                    function,
                    types: vec![oid::TEXT, oid::TEXT],
                    result: function.result,
                };
            }
        }
    }
    choose(functions, given, env)
}

/// The type that a set of expressions is brought to (`CASE`, `UNION`, `VALUES`, `ARRAY`, `COALESCE`).
///
/// # Errors
///
/// `Err((first, other))` when two of them do not go together.
pub fn common_type(given: &[Oid], env: &Env) -> Result<Oid, (Oid, Oid)> {
    let bases: Vec<Oid> = given.iter().map(|g| env.base_type(crate::value::DataType::of(*g)).oid).collect();
    if let Some(first) = given.first()
        && *first != oid::UNKNOWN
        && given.iter().all(|g| g == first)
    {
        return Ok(*first);
    }
    let mut chosen = oid::UNKNOWN;
    for candidate in bases {
        if candidate == oid::UNKNOWN || candidate == chosen {
            continue;
        }
        if chosen == oid::UNKNOWN {
            chosen = candidate;
            continue;
        }
        if env.category(candidate) != env.category(chosen) {
            return Err((chosen, candidate));
        }
        let up = find(chosen, candidate, CastContext::Implicit, env).is_some();
        let down = find(candidate, chosen, CastContext::Implicit, env).is_some();
        if !preferred(chosen) && up && !down {
            chosen = candidate;
        } else if !up && !down {
            return Err((chosen, candidate));
        }
    }
    Ok(if chosen == oid::UNKNOWN { oid::TEXT } else { chosen })
}
