//! The provider's HTTP interface.

use super::idempotency::Found;
use super::ledger::{Payment, Status};
use super::script::{Behaviour, Operation, planned};
use super::{Mode, Payments};
use crate::event::{fact, long_tail, now};
use crate::http::{Incoming, Response};
use serde_json::{Map, Value, json};
use sim_runtime::executor::sleep;
use sim_runtime::time::SECOND;
use std::future::pending;
use std::time::Duration;

/// Usual and longest extra time of a request.
const EXTRA: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(3));

/// Answers a request.
pub(super) async fn handle(payments: Payments, request: Incoming) -> Response {
    let key = request.bearer().unwrap_or_default();
    let mode = payments
        .state
        .with(|state| state.secret_keys.iter().find(|(known, _)| known == key).map(|(_, mode)| *mode));
    let Some(mode) = mode else {
        return error(401, "invalid_api_key", "the Authorization header has no valid secret key");
    };
    let operation = operation(&request);
    let reference = payments.reference_of(mode, &request);
    let scripted = payments.state.with(|state| state.script.take(operation, reference.as_deref()));
    let line = format!("{} {}", request.method, request.path);
    let behaviour = scripted.or_else(|| planned(operation, &line));
    if behaviour == Some(Behaviour::Unavailable) {
        return error(503, "unavailable", "try again later");
    }
    let key = request.header("idempotency-key").filter(|_| request.method == "POST").map(str::to_owned);
    let mut replayed = None;
    if let Some(key) = &key {
        match payments.state.with(|state| state.keys.begin(mode, key, &request, now())) {
            Found::New => {}
            Found::Answered(answer) => replayed = Some(answer.header("idempotent-replayed", "true")),
            Found::InWork => {
                let message = format!("a request with the idempotency key `{key}` is in work");
                return error(409, "idempotency_key_in_use", &message);
            }
            Found::Other => {
                let message = format!("the idempotency key `{key}` was used for another path or body");
                return error(400, "idempotency_key_reused", &message);
            }
        }
    }
    let mut latency =
        payments.state.with(|state| state.latency) + long_tail("payments/latency", EXTRA.0, EXTRA.1);
    if let Some(Behaviour::Slow(more)) = behaviour {
        latency += more;
    }
    sleep(latency).await;
    if behaviour == Some(Behaviour::SilentBefore) {
        if let (Some(key), None) = (&key, &replayed) {
            payments.state.with(|state| state.keys.forget(mode, key));
        }
        return pending().await;
    }
    let answer = match replayed {
        Some(answer) => answer,
        None => {
            let answer = payments.serve(mode, &request, key.as_deref(), behaviour.as_ref());
            if let Some(key) = &key {
                payments.state.with(|state| state.keys.finish(mode, key, &answer));
            }
            answer
        }
    };
    match behaviour {
        Some(Behaviour::SilentAfter) => pending().await,
        Some(Behaviour::FailAfter) => error(500, "internal", "something went wrong on our side"),
        _ => answer,
    }
}

fn operation(request: &Incoming) -> Operation {
    match request.route() {
        ("GET", _) => Operation::Read,
        ("POST", path) => match path[..] {
            ["v1", "payments"] => Operation::Create,
            ["v1", "payments", _, "capture"] => Operation::Capture,
            ["v1", "payments", _, "cancel"] => Operation::Cancel,
            ["v1", "payments", _, "refunds"] => Operation::Refund,
            _ => Operation::Other,
        },
        _ => Operation::Other,
    }
}

fn error(status: u16, code: &str, message: &str) -> Response {
    Response::json(status, &json!({ "error": { "code": code, "message": message } }))
}

fn not_found(what: &str, id: &str, mode: Mode) -> Response {
    error(404, "resource_missing", &format!("there is no {what} `{id}` in {mode} mode"))
}

/// The amount, if there is one; or why it is none.
fn amount(fields: &Map<String, Value>) -> Result<Option<u64>, String> {
    let wrong = |value: &Value| format!("amount is a whole number of minor units, not {value}");
    match fields.get("amount") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => text.parse().map(Some).map_err(|_| wrong(&fields["amount"])),
        Some(value) => value.as_u64().map(Some).ok_or_else(|| wrong(value)),
    }
}

fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    match fields.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl Payments {
    /// The reference of the payment a request is about.
    fn reference_of(&self, mode: Mode, request: &Incoming) -> Option<String> {
        match request.route() {
            (_, path) if path.len() >= 3 && path[1] == "payments" => {
                self.state.with(|state| state.ledger.find(mode, path[2])?.reference.clone())
            }
            ("POST", _) => text(&request.fields().ok()?, "reference"),
            _ => request.query_value("reference"),
        }
    }

    fn serve(
        &self,
        mode: Mode,
        request: &Incoming,
        key: Option<&str>,
        behaviour: Option<&Behaviour>,
    ) -> Response {
        let fields = match request.fields() {
            Ok(fields) => fields,
            Err(malformed) => return error(400, "body_invalid", &malformed.to_string()),
        };
        let amount = match amount(&fields) {
            Ok(amount) => amount,
            Err(wrong) => return error(400, "parameter_invalid", &wrong),
        };
        let (method, path) = request.route();
        match (method, &path[..]) {
            ("POST", ["v1", "payments"]) => self.create(mode, &fields, amount, key, behaviour),
            ("POST", ["v1", "payments", id, action]) => self.change(mode, id, action, amount),
            ("GET", ["v1", "payments", id]) => self.state.with(|state| {
                let payment = state.ledger.find(mode, id);
                payment.map_or_else(
                    || not_found("payment", id, mode),
                    |payment| Response::json(200, &payment.to_json()),
                )
            }),
            ("GET", ["v1", "payments"]) => {
                let reference = request.query_value("reference");
                let found = self.state.with(|state| {
                    let of_mode = state.ledger.payments.iter().filter(|payment| payment.mode == mode);
                    let wanted =
                        of_mode.filter(|payment| reference.is_none() || payment.reference == reference);
                    wanted.map(Payment::to_json).collect::<Vec<_>>()
                });
                Response::json(200, &json!({ "data": found }))
            }
            ("POST", ["v1", "customers"]) => self.state.with(|state| {
                let customers = &mut state.ledger.customers;
                let id = format!("cus_{}", customers.len() + 1);
                let customer = json!({
                    "id": id, "object": "customer", "mode": mode.to_string(),
                    "reference": text(&fields, "reference"),
                });
                customers.insert(id, (mode, customer.clone()));
                Response::json(200, &customer)
            }),
            ("GET", ["v1", "customers", id]) => {
                self.state.with(|state| match state.ledger.customers.get(*id) {
                    Some((of, customer)) if *of == mode => Response::json(200, customer),
                    _ => not_found("customer", id, mode),
                })
            }
            ("GET", ["v1", "events"]) => self.state.with(|state| {
                let events = state.webhooks.events.iter().filter(|event| event.mode == mode);
                Response::json(200, &json!({ "data": events.map(super::Event::to_json).collect::<Vec<_>>() }))
            }),
            ("GET", ["v1", "events", id]) => self.state.with(|state| {
                let mut events = state.webhooks.events.iter();
                let event = events.find(|event| event.mode == mode && event.id == *id);
                event.map_or_else(
                    || not_found("event", id, mode),
                    |event| Response::json(200, &event.to_json()),
                )
            }),
            _ => error(404, "unknown_path", &format!("{} {} is not served", request.method, request.path)),
        }
    }

    fn create(
        &self,
        mode: Mode,
        fields: &Map<String, Value>,
        amount: Option<u64>,
        key: Option<&str>,
        behaviour: Option<&Behaviour>,
    ) -> Response {
        let Some(amount) = amount else {
            return error(400, "parameter_missing", "amount is missing: a whole number of minor units");
        };
        let customer = text(fields, "customer");
        if let Some(id) = &customer {
            let known = self.state.with(|state| state.ledger.customers.get(id).map(|(mode, _)| *mode));
            match known {
                Some(of) if of == mode => {}
                Some(of) => {
                    let message =
                        format!("customer `{id}` exists in {of} mode, but a {mode} mode key was used");
                    return error(404, "resource_missing", &message);
                }
                None => return not_found("customer", id, mode),
            }
        }
        let capture = !matches!(fields.get("capture"), Some(Value::Bool(false)))
            && text(fields, "capture").as_deref() != Some("false");
        let status = match behaviour {
            Some(Behaviour::Decline(_)) => Status::Declined,
            Some(Behaviour::Settle(_) | Behaviour::DeclineLater(_)) => Status::Processing,
            _ => Status::RequiresCapture,
        };
        let decline_code = match behaviour {
            Some(Behaviour::Decline(code)) => Some(code.clone()),
            _ => None,
        };
        let created = self.node.wall() / SECOND;
        let mut payment = self.state.with(|state| {
            let payment = Payment {
                id: format!("pay_{}", state.ledger.payments.len() + 1),
                mode,
                status,
                amount,
                captured: 0,
                refunded: 0,
                currency: text(fields, "currency").unwrap_or_else(|| "eur".to_owned()),
                reference: text(fields, "reference"),
                customer,
                metadata: fields.get("metadata").cloned().unwrap_or_else(|| json!({})),
                version: 1,
                decline_code,
                idempotency_key: key.map(str::to_owned),
                created,
            };
            state.ledger.payments.push(payment.clone());
            payment
        });
        if status == Status::RequiresCapture && capture {
            payment = self.state.with(|state| state.ledger.capture(&payment.id, amount, now()));
        }
        self.tell(&payment, None);
        match behaviour {
            Some(Behaviour::Settle(after)) => self.settle(&payment, *after, capture, true),
            Some(Behaviour::DeclineLater(after)) => self.settle(&payment, *after, capture, false),
            _ => {}
        }
        if payment.status == Status::Declined {
            let code = payment.decline_code.as_deref().unwrap_or_default();
            let body = json!({ "error": {
                "code": code, "message": format!("the payment was declined: {code}"),
                "payment": payment.to_json(),
            } });
            return Response::json(402, &body);
        }
        Response::json(200, &payment.to_json())
    }

    /// A payment in process ends after a while.
    fn settle(&self, payment: &Payment, after: Duration, capture: bool, succeeds: bool) {
        let (own, id) = (self.clone(), payment.id.clone());
        drop(sim_runtime::spawn(async move {
            sleep(after).await;
            let settled = own.state.with(|state| {
                let ledger = &mut state.ledger;
                let payment = ledger.payments.iter().find(|payment| payment.id == id)?;
                let (status, amount) = (payment.status, payment.amount);
                (status == Status::Processing).then(|| match (succeeds, capture) {
                    (true, true) => ledger.capture(&id, amount, now()),
                    (true, false) => ledger.become_status(&id, Status::RequiresCapture),
                    (false, _) => ledger.become_status(&id, Status::Declined),
                })
            });
            if let Some(payment) = settled {
                own.tell(&payment, None);
            }
        }));
    }

    /// Capture, cancel, refund.
    fn change(&self, mode: Mode, id: &str, action: &str, amount: Option<u64>) -> Response {
        let Some(payment) = self.state.with(|state| state.ledger.find(mode, id).cloned()) else {
            return not_found("payment", id, mode);
        };
        let unexpected = || {
            let status = payment.status.as_str();
            error(409, "payment_unexpected_state", &format!("{id} is {status}: it takes no {action}"))
        };
        let too_much = |limit: u64| {
            error(
                400,
                "amount_too_large",
                &format!("{id} has {limit} left, less than {}", amount.unwrap_or(limit)),
            )
        };
        match (action, payment.status) {
            ("capture", Status::RequiresCapture) => {
                let amount = amount.unwrap_or(payment.amount);
                if amount > payment.amount {
                    return too_much(payment.amount);
                }
                let payment = self.state.with(|state| state.ledger.capture(id, amount, now()));
                self.tell(&payment, None);
                Response::json(200, &payment.to_json())
            }
            ("cancel", Status::RequiresCapture | Status::Processing) => {
                let payment = self.state.with(|state| state.ledger.become_status(id, Status::Canceled));
                self.tell(&payment, None);
                Response::json(200, &payment.to_json())
            }
            ("refunds", Status::Succeeded) => {
                let left = payment.captured - payment.refunded;
                let amount = amount.unwrap_or(left);
                if amount > left || left == 0 {
                    return too_much(left);
                }
                let (payment, refund) = self.state.with(|state| state.ledger.refund(id, amount, now()));
                self.tell(&payment, Some(amount));
                Response::json(200, &refund.to_json())
            }
            ("capture" | "cancel" | "refunds", _) => unexpected(),
            _ => error(404, "unknown_path", &format!("a payment has no `{action}`")),
        }
    }

    /// A fact and an event about a change.
    fn tell(&self, payment: &Payment, refunded: Option<u64>) {
        let kind = match refunded {
            Some(_) => "refunded",
            None => payment.status.as_str(),
        };
        fact("payment", || {
            let Payment { id, mode, currency, .. } = payment;
            let amount = refunded.unwrap_or(payment.amount);
            let reference = payment.reference.as_deref().map_or_else(String::new, |of| format!(" for {of}"));
            format!("{id} {kind}{reference}: {amount} {currency} ({mode})")
        });
        self.emit(&format!("payment.{kind}"), payment);
    }
}
