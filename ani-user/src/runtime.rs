//! Threads, tasks, signals and the order they end in.
//!
//! At start everything that can fail comes first and attaching last: the lists and the limit are in
//! the kernel before the first packet is. At the end detaching comes first, where it does: from then on
//! the calls go on as if there were no ani, and what was captured is still counted. Where the program
//! stays, lists and limits go on, and what it writes waits for the next daemon.

/// Interfaces that come and go.
mod interfaces;
/// What verifies tells the worker.
mod judged;
/// The sockets that mirrored messages come in on, beside the threads.
mod mirror;
/// A configuration that is read again.
mod reload;
/// What a service manager is told.
mod service;
/// What verifies signatures, beside the threads.
mod stir;
/// Calls that the worker holds.
mod holding;
/// The thread that runs frames through the pipeline.
mod worker;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::Receiver,
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};
use aya_log::EbpfLogger;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{oneshot, watch},
    task::{JoinSet, spawn_blocking},
};

pub use self::reload::Source;
use self::{
    judged::Judged,
    mirror::Mirror,
    reload::Others,
    service::{Manager, Pulse, Watchdog},
    stir::Stir,
    worker::{Live, Mailbox, Worker},
};
use crate::{
    answer::Transmit,
    capture::{
        clock::{Clock, Settings},
        ring::{RingReader, records},
    },
    config::{Config, OnExit},
    control::{Daemon, metrics, socket::Socket},
    kernel::{self, Kernel, transmit::Transmitter, xdp_state::Watch},
    pipeline::Verifier,
    policy::Enforce as _,
    store::Store,
};

/// How often entries of the block list that have ended are taken off. The kernel looks at the end
/// itself; this makes room.
const EXPIRY_PERIOD: Duration = Duration::from_secs(10);

/// How often it is looked whose rest is over, whether the clock was set, and what the kernel did not take
/// is tried again. A rest begins at once.
const REST_PERIOD: Duration = Duration::from_secs(1);

/// Habits are stored once in so many of these, and at the end.
const HABITS_EVERY: u32 = 30;

/// How often the XDP program's notices are looked for.
const NOTICE_PERIOD: Duration = Duration::from_millis(500);

/// Runs the daemon with a configuration until SIGTERM or SIGINT.
///
/// On SIGHUP, and when `ani reload` asks for it, it is read again from its source.
///
/// # Errors
///
/// When it cannot start, or one of its threads ends with an error.
pub fn run(source: Source, config: Config) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start the async runtime")?;
    runtime.block_on(daemon(source, config))
}

async fn daemon(source: Source, config: Config) -> Result<()> {
    let mut signals = Signals { end: End::new()?, hangup: listen(SignalKind::hangup())? };
    let manager = Manager::new().context("cannot start a thread for the service manager")?;
    let clock = Clock::new();
    // First of all: whatever else two daemons share, this says who the other is.
    let folder = kernel::claim(&config)?;
    let store = Store::open(&config.store.path)?;
    let kernel = Arc::new(match folder {
        Some(folder) => Kernel::load_beside(&config, folder)?,
        None => Kernel::load(&config)?,
    });
    let daemon =
        Arc::new(Daemon::new(config.clone(), Arc::clone(&kernel) as _, store, Arc::new(clock)));
    daemon.restore()?;

    let socket = Socket::bind(&config.control.socket).await?;
    let read_socket = Socket::bind_read(&config.control).await?;
    let listener = match config.control.metrics {
        Some(address) => Some(metrics::bind(address).await?),
        None => None,
    };
    kernel_log(&kernel)?;

    let (teller, judged) = judged::channel();
    let stir = Stir::start(&daemon, clock, teller.clone())?.map(Arc::new);
    let mut sources: Vec<Live> = Vec::new();
    let mirror = match config.capture.hep.listen {
        Some(address) => {
            let (mirror, source) = Mirror::bind(address, &daemon).await?;
            sources.push(Box::new(source));
            Some(mirror)
        }
        None => None,
    };
    let verifier = stir.as_deref().map(Stir::verifier);
    let threads = Threads::start(&kernel, &daemon, clock, sources, verifier, judged)?;
    teller.wakes(threads.handles.worker.thread());
    daemon.reload_through(Arc::new(Others {
        source,
        kernel: Arc::clone(&kernel),
        mailbox: Arc::clone(&threads.mailbox),
        manager: manager.clone(),
    }));
    let mirror = mirror.map(|mirror| mirror.start(threads.handles.worker.thread(), &daemon, clock));
    // Made before, so that nothing goes unseen.
    let watch = Watch::new()?;
    kernel.attach(&config)?;
    // Who asks meanwhile waits: what is answered is true of a daemon that is at work.
    let (shutdown, ended) = watch::channel(());
    let mut servers = JoinSet::new();
    for socket in [Some(socket), read_socket].into_iter().flatten() {
        servers.spawn(socket.serve(Arc::clone(&daemon), until(ended.clone())));
    }
    servers.spawn(rests(Arc::clone(&daemon), until(ended.clone())));
    servers.spawn(interfaces::follow(Arc::clone(&kernel), watch, until(ended.clone())));
    servers.spawn(Watchdog::new(manager.clone(), threads.pulses).watch(until(ended.clone())));
    if let Some(listener) = listener {
        servers.spawn(metrics::serve(listener, Arc::clone(&daemon), until(ended)));
    }
    if config.trunks.is_empty() {
        tracing::warn!("no [[trunk]] is configured: every INVITE passes as untrusted");
    }
    let interfaces: Vec<_> = kernel
        .interfaces()
        .into_iter()
        .map(|interface| format!("{} ({})", interface.name, interface.mode))
        .collect();
    if let Some(address) = config.capture.hep.listen {
        tracing::info!("HEP is taken on {address}; mirrored calls are only observed");
    }
    let attached = if interfaces.is_empty() { "nothing".to_owned() } else { interfaces.join(", ") };
    let at_work = format!(
        "attached to {attached}, SIP ports {:?}, {} trunks",
        config.capture.sip_ports,
        config.trunks.len()
    );
    tracing::info!("ready: {at_work}");
    manager.ready(&at_work);

    let outcome = serve(&mut signals, &daemon, &kernel, stir.as_ref(), threads.failed).await;

    manager.stopping();
    end(&kernel, config.capture.on_exit);
    if let Some(mirror) = mirror {
        mirror.end().await?;
    }
    threads.stop.store(true, Ordering::Relaxed);
    let learned = Arc::clone(&daemon);
    let joined = spawn_blocking(move || {
        let joined = threads.handles.join();
        learned.tell_habits();
        keep_habits(&learned);
        joined
    })
    .await?;
    if let Some(stir) = stir {
        stir.end();
    }
    drop(shutdown);
    while let Some(served) = servers.join_next().await {
        if let Err(error) = served? {
            tracing::warn!("a server did not end well: {error}");
        }
    }
    outcome.and(joined)
}

/// Takes the program off the interfaces, or leaves it there.
fn end(kernel: &Kernel, on_exit: OnExit) {
    match (kernel.kept_in(), on_exit) {
        (Some(folder), OnExit::Keep) => tracing::info!(
            "the program stays on the interfaces, and lists and limits go on: kept in {}, `ani detach` \
             takes it off",
            folder.display()
        ),
        _ => match kernel.detach() {
            Ok(()) => tracing::info!("detached: calls go on without ani"),
            Err(error) => tracing::error!("not detached, `ani detach` tries again: {error:#}"),
        },
    }
}

/// Waits for signals and time; ends on SIGTERM, SIGINT, or a thread that has ended.
async fn serve(
    signals: &mut Signals,
    daemon: &Arc<Daemon>,
    kernel: &Arc<Kernel>,
    stir: Option<&Arc<Stir>>,
    mut failed: oneshot::Receiver<()>,
) -> Result<()> {
    let mut expiry = tokio::time::interval(EXPIRY_PERIOD);
    let mut ticks = 0_u32;
    let Signals { end, hangup } = signals;
    loop {
        tokio::select! {
            () = end.come() => return Ok(()),
            _ = &mut failed => bail!("a thread of the daemon has ended"),
            _ = hangup.recv() => {
                let daemon = Arc::clone(daemon);
                // What came of it is in the log.
                spawn_blocking(move || daemon.reload_file().is_ok()).await?;
            }
            _ = expiry.tick() => {
                let daemon = Arc::clone(daemon);
                ticks = ticks.wrapping_add(1);
                let keep = ticks.is_multiple_of(HABITS_EVERY);
                let stir = stir.cloned();
                let kernel = Arc::clone(kernel);
                spawn_blocking(move || {
                    if let Err(error) = kernel.look_at_tags() {
                        tracing::warn!("cannot say whether INVITEs are held: {error:#}");
                    }
                    if let Some(stir) = stir {
                        stir.tick(&daemon.telemetry, Clock::new().now());
                    }
                    if daemon.tell_habits() > 0 || keep {
                        keep_habits(&daemon);
                    }
                    if let Err(error) = daemon.expire(Clock::new().now()) {
                        tracing::warn!("cannot take expired entries off the block list: {error:#}");
                    }
                }).await?;
            }
        }
    }
}

/// Puts rests in force as they begin and end, and the ends of list entries by a clock that was set, until
/// `ended` is ready.
async fn rests(daemon: Arc<Daemon>, ended: impl Future<Output = ()> + Send) -> std::io::Result<()> {
    let mut ended = std::pin::pin!(ended);
    let mut period = tokio::time::interval(REST_PERIOD);
    let clock = Clock::new();
    let mut set = Settings::new(&clock);
    let mut anew = false;
    loop {
        tokio::select! {
            () = &mut ended => return Ok(()),
            () = daemon.breaker.tripped() => {}
            _ = period.tick() => {}
        }
        let daemon = Arc::clone(&daemon);
        anew |= set.changed(&clock);
        anew = spawn_blocking(move || {
            daemon.settle_rests(clock.now());
            anew && !ends_anew(&daemon)
        })
        .await?;
    }
}

/// Has the kernel count the ends of list entries by a clock that was set; whether it does.
fn ends_anew(daemon: &Daemon) -> bool {
    match daemon.clock_was_set() {
        Ok(()) => tracing::info!("the clock was set: list entries end by the new time"),
        Err(error) => {
            tracing::error!("the clock was set, and list entries end by the old time: {error}");
            return false;
        }
    }
    true
}

/// What cannot be stored is learned again.
fn keep_habits(daemon: &Daemon) {
    if let Err(error) = daemon.keep_habits() {
        tracing::warn!("cannot store what was learned of the trunks' habits: {error}");
    }
}

/// What the daemon is told by signals.
struct Signals {
    end: End,
    /// To read the configuration again.
    hangup: Signal,
}

/// The signals that end the daemon.
struct End {
    terminate: Signal,
    interrupt: Signal,
}

impl End {
    fn new() -> Result<Self> {
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn come(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn listen(kind: SignalKind) -> Result<Signal> {
    signal(kind).context("cannot listen for signals")
}

async fn until(mut ended: watch::Receiver<()>) {
    // An error says that the other end is gone, which is how the end is told.
    let _ended = ended.changed().await;
}

/// Passes the XDP program's own notices, of which there are few, on to our log.
fn kernel_log(kernel: &Kernel) -> Result<()> {
    let mut logger = kernel
        .with_object(EbpfLogger::init)
        .map_err(|error| anyhow!("cannot read the XDP program's log: {error}"))?;
    tokio::spawn(async move {
        let mut period = tokio::time::interval(NOTICE_PERIOD);
        loop {
            period.tick().await;
            logger.flush();
        }
    });
    Ok(())
}

/// The threads a frame passes through.
struct Threads {
    stop: Arc<AtomicBool>,
    mailbox: Arc<Mailbox>,
    /// Ready when one has ended by itself.
    failed: oneshot::Receiver<()>,
    /// Whether they go on.
    pulses: [Pulse; 2],
    handles: Handles,
}

struct Handles {
    reader: thread::JoinHandle<Result<()>>,
    worker: thread::JoinHandle<()>,
    worker_stop: Arc<AtomicBool>,
}

impl Threads {
    fn start(
        kernel: &Kernel,
        daemon: &Arc<Daemon>,
        clock: Clock,
        mut sources: Vec<Live>,
        verifier: Option<Box<dyn Verifier>>,
        judged: Receiver<Judged>,
    ) -> Result<Self> {
        let (rings, asleep) = kernel.rings()?;
        let (writer, records) = records::queue(Arc::clone(&daemon.tallies));
        let mailbox = Arc::new(Mailbox::default());
        let worker_stop = Arc::new(AtomicBool::new(false));
        sources.push(Box::new(records));
        let pulse = |thread| Pulse { thread, turns: Arc::new(AtomicU64::new(0)) };
        let pulses = [pulse("ani-worker"), pulse("ani-capture")];
        let [worked, read] = pulses.each_ref().map(|pulse| Arc::clone(&pulse.turns));
        let hold = kernel.hold();
        let worker = Worker::new(sources, daemon, Arc::clone(&mailbox), verifier, worked)
            .holding(
                Arc::clone(&hold),
                &daemon.config().hold,
                Arc::clone(&daemon.tallies),
                Arc::clone(&read),
                judged,
            )
            .sending(transmitter());
        let worker = {
            let stop = Arc::clone(&worker_stop);
            thread::Builder::new().name(pulses[0].thread.into()).spawn(move || worker.run(&stop))?
        };

        let stop = Arc::new(AtomicBool::new(false));
        let (tell, failed) = oneshot::channel();
        let thread = worker.thread().clone();
        let reader = RingReader {
            rings,
            asleep,
            records: writer.releasing(hold),
            worker: thread,
            clock,
            turns: read,
            eager: 0,
        };
        let reader = {
            let stop = Arc::clone(&stop);
            thread::Builder::new().name(pulses[1].thread.into()).spawn(move || {
                // Dropped when the thread ends, after a panic too.
                let _tell: oneshot::Sender<()> = tell;
                reader.run(&stop)
            })?
        };
        Ok(Self { stop, mailbox, failed, pulses, handles: Handles { reader, worker, worker_stop } })
    }
}

/// What answers go out by. Opened whether the configuration says an answer or not: an entry may by
/// tomorrow. Without it calls are stopped all the same, only silently.
fn transmitter() -> Option<Box<dyn Transmit>> {
    match Transmitter::open() {
        Ok(transmitter) => Some(Box::new(transmitter)),
        Err(error) => {
            tracing::warn!("{error:#}");
            None
        }
    }
}

impl Handles {
    /// Waits for the reader, then lets the worker finish what the reader has handed on.
    fn join(self) -> Result<()> {
        let read = self.reader.join().map_err(|_| anyhow!("the capture thread panicked"))?;
        self.worker_stop.store(true, Ordering::Relaxed);
        self.worker.thread().unpark();
        self.worker.join().map_err(|_| anyhow!("the worker thread panicked"))?;
        read
    }
}
