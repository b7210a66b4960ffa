//! Services that a run has from its first step on because its settings ask for them: `SIM_POSTGRES=db`.
//!
//! The runtime knows neither packets nor SQL. A crate that can be such a service says so once a process
//! ([`offer`]); the setting's value is the name of the node that it boots in every run.

use super::Node;
use super::state::is_legal_name;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// What can be asked for.
#[derive(Clone, Copy)]
pub struct Service {
    /// Its name among the options of `cargo sim`: `postgres` for `--postgres`.
    pub option: &'static str,
    /// The setting: `SIM_POSTGRES`. Its value is the name of the node.
    pub variable: &'static str,
    /// Boots it on a node, inside of a run.
    pub boot: fn(Node),
}

static OFFERED: Mutex<Vec<Service>> = Mutex::new(Vec::new());

/// Offers a service to all runs of this process that begin later; a second one of the same setting changes nothing.
pub fn offer(service: Service) {
    let mut offered = OFFERED.lock().unwrap_or_else(PoisonError::into_inner);
    if offered.iter().all(|other| other.variable != service.variable) {
        offered.push(service);
    }
}

/// The services of a run, each with the name of its node.
#[derive(Clone, Default)]
pub struct Services(Vec<(Service, String)>);

impl Services {
    /// Those of the offered ones that `variable` (of the environment, usually) asks for.
    ///
    /// # Errors
    ///
    /// A variable whose value could not name a node, and the value.
    pub fn from_variables(
        variable: impl Fn(&'static str) -> Option<String>,
    ) -> Result<Self, (&'static str, String)> {
        let offered = OFFERED.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut services = Vec::new();
        for service in offered {
            match variable(service.variable) {
                None => {}
                Some(name) if is_legal_name(&name) => services.push((service, name)),
                Some(name) => return Err((service.variable, name)),
            }
        }
        Ok(Self(services))
    }

    /// Boots them, in the present run.
    pub fn boot(&self) {
        for (service, name) in &self.0 {
            (service.boot)(Node::named(name));
        }
    }

    /// The options of `cargo sim` that ask for them, each with a space behind it.
    pub fn options(&self) -> String {
        self.0.iter().map(|(service, name)| format!("--{} {name} ", service.option)).collect()
    }

    /// The settings that ask for them, each with a space behind it.
    pub fn variables(&self) -> String {
        self.0.iter().map(|(service, name)| format!("{}={name} ", service.variable)).collect()
    }
}

/// As in a failure file: `postgres=db`, separated by spaces; empty when there is none.
impl fmt::Display for Services {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (service, name)) in self.0.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(formatter, "{space}{}={name}", service.option)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Services({self})")
    }
}

impl PartialEq for Services {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for Services {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_offered_is_had_under_the_name_asked_for() {
        let service = Service { option: "mail", variable: "SIM_MAIL", boot: |_| {} };
        offer(service);
        offer(service);
        let ask = |value: &'static str| {
            Services::from_variables(move |name| (name == "SIM_MAIL").then(|| value.to_owned()))
        };
        let services = ask("post.office").expect("a legal name");
        assert_eq!(services.to_string(), "mail=post.office");
        assert_eq!(services.options(), "--mail post.office ");
        assert_eq!(services.variables(), "SIM_MAIL=post.office ");
        assert_eq!(ask("a/b"), Err(("SIM_MAIL", "a/b".to_owned())));
        assert_eq!(ask(""), Err(("SIM_MAIL", String::new())));
        assert_eq!(Services::from_variables(|_| None), Ok(Services::default()));
    }
}
