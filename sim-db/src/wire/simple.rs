//! The simple query: any number of statements in one text, one implicit transaction around them.

use futures::io::{AsyncRead, AsyncWrite};

use super::{
    results::Formats,
    session::{Failure, Session},
};
use crate::sql::Completion;

impl<S: AsyncRead + AsyncWrite + Unpin> Session<'_, S> {
    /// Runs every statement of `text` until one fails.
    pub(super) async fn simple_query(&mut self, text: &str) -> Result<(), Failure> {
        self.connection.close_prepared("");
        self.portals.remove("");
        self.seat.runs(text.into());
        let statements = self.connection.parse_script(text)?;
        if statements.is_empty() {
            self.channel.out.empty_query_response();
        }
        let text_format = Formats::default();
        for (i, statement) in statements.iter().enumerate() {
            let last = i + 1 == statements.len();
            self.planned(text)?;
            let (connection, mut results) = self.results(&text_format, true);
            let completion = connection.run_simple(statement, last, &mut results).await;
            let ending = results.ending.take();
            self.observe(text, std::iter::empty(), &completion);
            match self.outcome(completion, ending)? {
                Completion::Complete(tag) => self.channel.out.command_complete(&tag),
                Completion::Empty => self.channel.out.empty_query_response(),
                Completion::Suspended => {}
            }
            self.flush_if_full().await?;
        }
        self.finish().await
    }
}
