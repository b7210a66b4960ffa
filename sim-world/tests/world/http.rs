use crate::run::passes;
use sim_world::http::{Error, Request, Response, send, send_within, serve, until_served};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

#[test]
fn a_request_is_served_with_its_parts() {
    passes(|sim| async move {
        sim.node("echo").boot(|| {
            serve(3000, |request| async move {
                let node = request.node().map(|node| node.name().to_string());
                let text = format!(
                    "{} {} {:?} {:?} from {node:?}: {}",
                    request.method,
                    request.path,
                    request.query_value("q"),
                    request.header("x-request-id"),
                    String::from_utf8_lossy(&request.body),
                );
                Response::text(201, text).header("x-served", "yes")
            })
        });
        let asked = sim.node("app").run(async {
            until_served("http://echo:3000").await;
            send(Request::put("http://echo:3000/a/b?q=x%20y").header("x-request-id", "7").body("hello")).await
        });
        let answer = asked.await.expect("it is served");
        assert_eq!(answer.status, 201);
        assert_eq!(answer.header_value("x-served"), Some("yes"));
        assert_eq!(answer.body_text(), r#"PUT /a/b Some("x y") Some("7") from Some("app"): hello"#);
    });
}

#[test]
fn forms_and_json_have_fields_alike() {
    passes(|sim| async move {
        sim.node("echo").boot(|| {
            serve(80, |request| async move {
                match request.fields() {
                    Ok(fields) => Response::json(200, &fields["name"]),
                    Err(malformed) => Response::text(400, malformed.to_string()),
                }
            })
        });
        until_served("http://echo").await;
        let ask = |request| async { send(request).await.expect("it is served").body_text() };
        let url = "http://echo/x";
        assert_eq!(ask(Request::post(url).form(&[("name", "a&b")])).await, "\"a&b\"");
        assert_eq!(ask(Request::post(url).json(&serde_json::json!({ "name": "a&b" }))).await, "\"a&b\"");
        assert!(
            ask(Request::post(url).body("[1]")).await.starts_with("the body is neither a JSON object nor")
        );
    });
}

#[test]
fn errors_say_whether_it_may_have_happened() {
    passes(|sim| async move {
        sim.node("slow").boot(|| {
            serve(80, |_| async {
                sim_runtime::executor::sleep(Duration::from_secs(60)).await;
                Response::empty(200)
            })
        });
        until_served("http://slow").await;
        let limit = Duration::from_secs(1);
        let late = send_within(Request::get("http://slow/"), limit).await.expect_err("it takes a minute");
        assert!(matches!(late, Error::TimedOut { .. }) && late.may_have_happened(), "{late}");
        let refused = send(Request::get("http://slow:81/")).await.expect_err("nobody listens there");
        assert!(matches!(refused, Error::NotConnected { .. }) && !refused.may_have_happened(), "{refused}");
        let invalid = send(Request::get("ftp://slow/")).await.expect_err("no such scheme");
        assert_eq!(invalid.to_string(), "`ftp://slow/` cannot be asked: it does not begin with http://");
    });
}

#[test]
fn a_client_that_goes_away_does_not_stop_a_third_party() {
    passes(|sim| async move {
        let done = Rc::new(Cell::new(0));
        let counted = done.clone();
        sim.node("bank").boot(move || {
            let counted = counted.clone();
            serve(80, move |_| {
                let counted = counted.clone();
                async move {
                    sim_runtime::executor::sleep(Duration::from_secs(5)).await;
                    counted.set(counted.get() + 1);
                    Response::empty(200)
                }
            })
        });
        sim.sleep(Duration::from_secs(1)).await;
        let limit = Duration::from_secs(1);
        send_within(Request::post("http://bank/"), limit).await.expect_err("it takes longer");
        sim.sleep(Duration::from_secs(10)).await;
        assert_eq!(done.get(), 1);
    });
}
