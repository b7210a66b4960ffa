use crate::run::passes;
use sim::Sim;
use sim_world::Browser;
use sim_world::http::{Error, Incoming, Request, Response, serve};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

type Log = Rc<RefCell<Vec<String>>>;

/// A site: `/login` sets a cookie, `/slow` takes 5 s, `/old` leads to `/new`, and `/back?status=N` to `/new` with N.
fn site(sim: Sim) -> Log {
    let log = Log::default();
    let kept = log.clone();
    sim.node("shop").boot(move || {
        let log = kept.clone();
        serve(3000, move |request: Incoming| {
            let cookie = request.header("cookie").unwrap_or("-").to_owned();
            log.borrow_mut().push(format!("{} {} {cookie}", request.method, request.path));
            async move {
                match &*request.path {
                    "/login" => Response::empty(204).header("set-cookie", "session=1; Path=/; HttpOnly"),
                    "/logout" => Response::empty(204).header("set-cookie", "session=; Max-Age=0; Path=/"),
                    "/brief" => Response::empty(204).header("set-cookie", "brief=1; Max-Age=60"),
                    "/old" => Response::empty(302).header("location", "/new"),
                    "/back" => {
                        let status = request.query_value("status").and_then(|status| status.parse().ok());
                        Response::empty(status.unwrap_or(303)).header("location", "http://shop:3000/new")
                    }
                    "/slow" => {
                        sim.sleep(Duration::from_secs(5)).await;
                        Response::text(200, "done")
                    }
                    _ => Response::text(200, String::from_utf8_lossy(&request.body).into_owned()),
                }
            }
        })
    });
    log
}

#[test]
fn tabs_of_a_device_share_its_cookies_and_devices_do_not() {
    passes(|sim| async move {
        let log = site(sim);
        let (phone, laptop) = (Browser::new(&sim, "phone"), Browser::new(&sim, "laptop"));
        let (one, other, third) =
            (phone.tab("http://shop:3000"), phone.tab("http://shop:3000/"), laptop.tab("http://shop:3000"));
        one.submit("/login", &[("user", "anna")]).await.expect("served");
        other.get("/cart").await.expect("served");
        third.get("/cart").await.expect("served");
        one.get("/logout").await.expect("served");
        other.get("/cart").await.expect("served");
        let expected =
            ["POST /login -", "GET /cart session=1", "GET /cart -", "GET /logout session=1", "GET /cart -"];
        assert_eq!(*log.borrow(), expected);
        assert_eq!(phone.cookies("shop"), []);
    });
}

#[test]
fn a_cookie_expires_on_the_clock_of_the_device() {
    passes(|sim| async move {
        site(sim);
        let phone = Browser::new(&sim, "phone");
        phone.tab("http://shop:3000").get("/brief").await.expect("served");
        assert_eq!(phone.cookie("shop", "brief").as_deref(), Some("1"));
        phone.node().jump_wall_clock(Duration::from_secs(61), Duration::ZERO);
        assert_eq!(phone.cookie("shop", "brief"), None);
    });
}

#[test]
fn redirects_are_followed_as_browsers_do() {
    passes(|sim| async move {
        let log = site(sim);
        let tab = Browser::new(&sim, "phone").tab("http://shop:3000");
        tab.get("/old").await.expect("served");
        tab.send(Request::post("/back?status=303").body("x")).await.expect("served");
        let kept = tab.send(Request::post("/back?status=307").body("x")).await.expect("served");
        assert_eq!(kept.body_text(), "x");
        let expected =
            ["GET /old -", "GET /new -", "POST /back -", "GET /new -", "POST /back -", "POST /new -"];
        assert_eq!(*log.borrow(), expected);
    });
}

#[test]
fn a_double_click_sends_twice_and_resubmitting_once_more() {
    passes(|sim| async move {
        let log = site(sim);
        let tab = Browser::new(&sim, "phone").tab("http://shop:3000");
        let (first, second) = tab.double_click(Request::post("/orders").body("book")).await;
        assert_eq!((first.expect("served").status, second.expect("served").status), (200, 200));
        tab.get("/thanks").await.expect("served");
        assert_eq!(tab.resubmit().await.expect("served").body_text(), "book");
        tab.reload().await.expect("served");
        let expected =
            ["POST /orders -", "POST /orders -", "GET /thanks -", "POST /orders -", "POST /orders -"];
        assert_eq!(*log.borrow(), expected);
    });
}

#[test]
fn an_abandoned_request_is_cut_off() {
    passes(|sim| async move {
        site(sim);
        let tab = Browser::new(&sim, "phone").tab("http://shop:3000");
        let left = tab.abandon(Request::get("/slow"), Duration::from_secs(1)).await;
        assert!(left.is_none());
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!(sim::net::net().netstat("shop").matches("Established").count(), 0);
        let stayed = tab.abandon(Request::get("/slow"), Duration::from_secs(10)).await;
        assert_eq!(stayed.expect("it was answered").expect("served").body_text(), "done");
    });
}

#[test]
fn patience_ends_and_devices_go_away() {
    passes(|sim| async move {
        site(sim);
        let phone = Browser::new(&sim, "phone").patience(Duration::from_secs(2));
        let tab = phone.tab("http://shop:3000");
        assert!(matches!(tab.get("/slow").await, Err(Error::TimedOut { .. })));
        let asking = sim.spawn({
            let tab = tab.clone();
            async move { tab.get("/slow").await }
        });
        sim.sleep(Duration::from_secs(1)).await;
        phone.node().crash();
        assert!(matches!(asking.await.expect("it ran"), Err(Error::Abandoned { .. })));
        assert!(matches!(tab.get("/").await, Err(Error::Abandoned { .. })));
    });
}

#[test]
fn a_header_of_the_tab_gives_way_to_the_requests_own() {
    passes(|sim| async move {
        sim.node("echo").boot(|| {
            serve(
                80,
                |request| async move { Response::text(200, request.header("x-request-id").unwrap_or("-")) },
            )
        });
        let tab = Browser::new(&sim, "phone").tab("http://echo");
        tab.set_header("x-request-id", "tab");
        assert_eq!(tab.get("/").await.expect("served").body_text(), "tab");
        let own = tab.send(Request::get("/").header("x-request-id", "own")).await;
        assert_eq!(own.expect("served").body_text(), "own");
        tab.remove_header("x-request-id");
        assert_eq!(tab.get("/").await.expect("served").body_text(), "-");
    });
}

/// Whoever uses tokio wants to spawn these.
#[test]
fn handles_and_what_they_wait_for_can_be_sent() {
    fn sent<T: Send>(_: &T) {}
    passes(|sim| async move {
        site(sim);
        let (phone, client) = (Browser::new(&sim, "phone"), sim_world::Client::new(&sim, "app"));
        let tab = phone.tab("http://shop:3000");
        let payments = sim_world::Payments::start(&sim, "payments");
        let (mail, queue) = (sim_world::Mail::start(&sim, "mail"), sim_world::Queue::start(&sim, "queue"));
        let identity = sim_world::Identity::start(&sim, "identity");
        sent(&(phone, client.clone(), payments, mail, queue, identity, sim_world::Fleet::new(&sim)));
        sent(&tab.get("/"));
        sent(&tab.double_click(Request::post("/orders")));
        sent(&client.send(Request::get("http://shop:3000/")));
        sent(&sim_world::http::send(Request::get("http://shop:3000/")));
    });
}
