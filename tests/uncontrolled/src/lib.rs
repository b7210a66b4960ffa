//! What a simulation does not control, each in the shape in which services have it.

use std::path::Path;
use std::sync::mpsc;

/// Work handed to a thread of its own.
pub fn thread() -> u32 {
    let (sender, receiver) = mpsc::channel();
    let worker = std::thread::spawn(move || sender.send(7).is_ok());
    let answer = receiver.recv().unwrap_or(0);
    let _ = worker.join();
    answer
}

/// A file of the machine.
pub fn read(path: &Path) -> std::io::Result<String> {
    std::fs::read_to_string(path)
}

/// A file left on the machine.
pub fn write(path: &Path) -> std::io::Result<()> {
    std::fs::write(path, "left behind")
}

/// Another program.
pub fn process() -> std::io::Result<std::process::ExitStatus> {
    std::process::Command::new("true").status()
}

/// The processor's counter.
#[cfg(target_arch = "x86_64")]
pub fn counter() -> u64 {
    // SAFETY: every x86-64 processor has it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

unsafe extern "C" {
    safe fn client_connect(port: u16) -> i32;
}

/// A C library's connection to this port of loopback: the error, 0 for none.
pub fn connect(port: u16) -> i32 {
    client_connect(port)
}

/// A race that tokio's own scheduler never shows on one thread, as it runs first what was ready first.
pub mod race {
    use std::collections::BTreeSet;
    use std::sync::{Arc, Mutex};
    use tokio::sync::mpsc;

    /// Orders by number.
    #[derive(Clone, Debug, Default)]
    pub struct Orders(Arc<Mutex<BTreeSet<u64>>>);

    impl Orders {
        fn save(&self, order: u64) {
            self.0.lock().expect("nobody panics with it").insert(order);
        }

        fn has(&self, order: u64) -> bool {
            self.0.lock().expect("nobody panics with it").contains(&order)
        }
    }

    /// Takes an order. It is saved in the background, so that the customer need not wait, and handed to the shipping.
    pub async fn place(orders: &Orders, shipping: &mpsc::Sender<u64>, order: u64) {
        let saved = orders.clone();
        tokio::spawn(async move { saved.save(order) });
        // The shipping lives as long as the shop.
        let _ = shipping.send(order).await;
    }

    /// Ships what is ordered; what is not there was cancelled meanwhile.
    pub async fn ship(orders: Orders, mut placed: mpsc::Receiver<u64>, shipped: mpsc::Sender<u64>) {
        while let Some(order) = placed.recv().await {
            if orders.has(order) && shipped.send(order).await.is_err() {
                return;
            }
        }
    }
}
