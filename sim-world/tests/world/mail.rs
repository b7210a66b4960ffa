use crate::run::passes;
use serde_json::{Value, json};
use sim_world::Mail;
use sim_world::http::{Request, send};

async fn post(mail: &Mail, body: Value) -> u16 {
    let request = Request::post(format!("{}/messages", mail.url())).json(&body);
    send(request).await.expect("it is served").status
}

#[test]
fn mails_are_kept_by_recipient_and_repetitions_too() {
    passes(|sim| async move {
        let mail = Mail::start(&sim, "mail");
        let welcome = json!({ "to": "anna@example.org", "subject": "Welcome, Anna", "text": "Hello" });
        assert_eq!(post(&mail, welcome.clone()).await, 202);
        assert_eq!(post(&mail, welcome).await, 202);
        let both =
            json!({ "to": ["anna@example.org", "bert@example.org"], "subject": "News", "html": "<p>" });
        assert_eq!(post(&mail, both).await, 202);
        assert_eq!(mail.count("anna@example.org", "Welcome"), 2);
        assert_eq!(mail.sent_to("bert@example.org")[0].body, "<p>");
        assert_eq!(mail.sent().len(), 3);
    });
}

#[test]
fn what_is_refused_is_not_sent() {
    passes(|sim| async move {
        let mail = Mail::start(&sim, "mail");
        mail.fail_next(1);
        let good = json!({ "to": "anna@example.org", "subject": "Hi" });
        assert_eq!(post(&mail, good.clone()).await, 503);
        assert_eq!(post(&mail, json!({ "subject": "to whom?" })).await, 400);
        assert_eq!(mail.sent().len(), 0);
        assert_eq!(post(&mail, good).await, 202);
    });
}
