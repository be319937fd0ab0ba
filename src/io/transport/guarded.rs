//! A connection under guard: it must say its preface in time and may not flood us with control frames.
//!
//! The HTTP/2 stack answers PING, SETTINGS and WINDOW_UPDATE without limit (RELIABILITY §3.3), so the limit sits here, on the
//! decrypted bytes before the stack sees them. What breaks a rule ends the connection with an I/O error.

use crate::base::limits::CONTROL_FRAME_BYTES;
use crate::io::transport::bucket::{Bucket, Rate};
use crate::io::transport::frames::FrameMeter;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// The rule a connection broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misconduct {
    #[error("no HTTP/2 preface in time")]
    Silent,
    #[error("too many HTTP/2 control frames")]
    Flood,
}

/// The first rule a connection broke, for whoever has to tell. The HTTP/2 stack passes our I/O errors on as mere text.
pub type Verdict = Arc<OnceLock<Misconduct>>;

/// An I/O object that is watched while it is read.
#[derive(Debug)]
pub struct Guarded<IO> {
    io: IO,
    meter: FrameMeter,
    control_frames: Bucket,
    preface: Option<Pin<Box<Sleep>>>,
    unpaid_bytes: usize,
    verdict: Verdict,
}

impl<IO> Guarded<IO> {
    /// Starts the timer of the preface.
    pub fn new(io: IO, preface_timeout: Duration, control_frames: Rate) -> Self {
        Self {
            io,
            meter: FrameMeter::default(),
            control_frames: Bucket::full(control_frames, Instant::now()),
            preface: Some(Box::pin(sleep(preface_timeout))),
            unpaid_bytes: 0,
            verdict: Verdict::default(),
        }
    }

    /// Where the first rule broken will stand.
    pub fn verdict(&self) -> Verdict {
        Arc::clone(&self.verdict)
    }

    fn broken(&self, rule: Misconduct) -> io::Error {
        let first = *self.verdict.get_or_init(|| rule);
        io::Error::new(io::ErrorKind::ConnectionAborted, first)
    }

    fn inspect(&mut self, bytes: &[u8]) -> Result<(), Misconduct> {
        let toll = self.meter.read(bytes);
        if self.meter.preface_done() {
            self.preface = None;
        }
        // What one read earned pays for what it cost: window updates come right behind the requests they belong to.
        let owed = toll.cost.saturating_sub(toll.earned);
        if owed > 0 && !self.control_frames.take(owed, Instant::now()) {
            return Err(Misconduct::Flood);
        }
        self.control_frames.credit(toll.earned.saturating_sub(toll.cost));
        Ok(())
    }

    /// What we send earns the other end control frames: its window updates and acknowledgements answer it. The answer to a
    /// PING is 17 bytes, far less than a frame's worth, so a flood does not pay for itself.
    fn earn(&mut self, written: usize) {
        self.unpaid_bytes = self.unpaid_bytes.saturating_add(written);
        let frames = self.unpaid_bytes / CONTROL_FRAME_BYTES;
        self.unpaid_bytes %= CONTROL_FRAME_BYTES;
        self.control_frames.credit(u64::try_from(frames).unwrap_or(u64::MAX));
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Guarded<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // Also asked when bytes come: one byte a second must not keep the timer from firing.
        if let Some(timer) = self.preface.as_mut()
            && timer.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(self.broken(Misconduct::Silent)));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        let read = buf.filled().get(before..).unwrap_or_default();
        Poll::Ready(self.inspect(read).map_err(|rule| self.broken(rule)))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Guarded<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, bytes))?;
        self.earn(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, slices))?;
        self.earn(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::transport::frames::PREFACE;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    const PING: &[u8] = &[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    const RATE: Rate = Rate { burst: 10, per_s: 0 };
    const PREFACE_TIMEOUT: Duration = Duration::from_millis(50);

    fn pair() -> (DuplexStream, Guarded<DuplexStream>) {
        let (far, near) = duplex(64 * 1024);
        (far, Guarded::new(near, PREFACE_TIMEOUT, RATE))
    }

    async fn rule_broken(guarded: &mut Guarded<DuplexStream>) -> Option<Misconduct> {
        let mut buffer = [0; 1024];
        loop {
            match guarded.read(&mut buffer).await {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return error.get_ref().and_then(|inner| inner.downcast_ref()).copied(),
            }
        }
    }

    #[tokio::test]
    async fn a_connection_that_says_nothing_is_ended() {
        let (_far, mut guarded) = pair();
        assert_eq!(rule_broken(&mut guarded).await, Some(Misconduct::Silent));
    }

    #[tokio::test]
    async fn a_preface_in_drops_does_not_stop_the_timer() {
        let (mut far, mut guarded) = pair();
        let drops = tokio::spawn(async move {
            for byte in PREFACE {
                sleep(PREFACE_TIMEOUT / 10).await;
                if far.write_all(&[*byte]).await.is_err() {
                    break;
                }
            }
            far
        });
        assert_eq!(rule_broken(&mut guarded).await, Some(Misconduct::Silent));
        drops.await.expect("ends");
    }

    #[tokio::test]
    async fn a_said_preface_stops_the_timer() {
        let (mut far, near) = duplex(1024);
        far.write_all(PREFACE).await.expect("writes");
        let mut guarded = Guarded::new(near, Duration::from_secs(60), RATE);
        assert!(guarded.preface.is_some());
        guarded.read_exact(&mut [0; 24]).await.expect("the preface passes");
        assert!(guarded.preface.is_none());
    }

    #[tokio::test]
    async fn pings_within_the_budget_pass_and_one_more_ends_the_connection() {
        let (mut far, mut guarded) = pair();
        far.write_all(PREFACE).await.expect("writes");
        far.write_all(&PING.repeat(10)).await.expect("writes");
        drop(far);
        assert_eq!(rule_broken(&mut guarded).await, None);

        let (mut far, mut guarded) = pair();
        far.write_all(PREFACE).await.expect("writes");
        far.write_all(&PING.repeat(11)).await.expect("writes");
        assert_eq!(rule_broken(&mut guarded).await, Some(Misconduct::Flood));
    }

    #[tokio::test]
    async fn what_we_send_earns_control_frames_but_answers_to_pings_do_not_pay_for_them() {
        let (mut far, mut guarded) = pair();
        far.write_all(PREFACE).await.expect("writes");
        far.write_all(&PING.repeat(10)).await.expect("writes");
        let mut buffer = [0; 1024];
        let read = guarded.read(&mut buffer).await.expect("within the budget");
        assert_eq!(read, PREFACE.len() + 10 * PING.len());
        guarded.write_all(&PING.repeat(10)).await.expect("writes");
        far.write_all(&PING.repeat(2)).await.expect("writes");
        let read = guarded.read(&mut buffer).await.expect("170 bytes earn two frames");
        assert_eq!(read, 2 * PING.len());
        far.write_all(PING).await.expect("writes");
        assert_eq!(rule_broken(&mut guarded).await, Some(Misconduct::Flood));
    }

    #[tokio::test]
    async fn window_updates_beside_requests_are_no_flood() {
        // What gRPC's C core sends for a small unary call: HEADERS, WINDOW_UPDATE, DATA, WINDOW_UPDATE.
        const UPDATE: &[u8] = &[0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 5];
        const HEADERS: &[u8] = &[0, 0, 1, 1, 4, 0, 0, 0, 1, 0x82];
        const DATA: &[u8] = &[0, 0, 5, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0];
        let (mut far, mut guarded) = pair();
        far.write_all(PREFACE).await.expect("writes");
        far.write_all(&[HEADERS, UPDATE, DATA, UPDATE].concat().repeat(1_000)).await.expect("writes");
        drop(far);
        assert_eq!(rule_broken(&mut guarded).await, None);
    }
}
