//! Interfaces that come, go and are renamed: the kernel tells that something happened, and then all are
//! looked at.

use std::{io, pin::pin, sync::Arc, time::Duration};

use tokio::{task::spawn_blocking, time};

use crate::kernel::{Kernel, xdp_state::Watch};

/// Time between two looks at least: a host whose interfaces come and go by the thousand costs no more.
const LOOK_PERIOD: Duration = Duration::from_millis(50);

/// Follows them until `ended` is ready.
pub(super) async fn follow(
    kernel: Arc<Kernel>,
    watch: Watch,
    ended: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let mut ended = pin!(ended);
    loop {
        tokio::select! {
            () = &mut ended => return Ok(()),
            told = watch.next() => told?,
        }
        let kernel = Arc::clone(&kernel);
        let looked = spawn_blocking(move || kernel.follow()).await?;
        if let Err(error) = looked {
            tracing::warn!("cannot follow the interfaces: {error:#}");
        }
        time::sleep(LOOK_PERIOD).await;
    }
}
