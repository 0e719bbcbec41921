//! The counters in Redis.

use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Pipeline, RedisError};

use crate::limit::Charge;

/// How often a connection is tried at the start.
const RETRY: Duration = Duration::from_millis(100);

/// A connection to Redis, which is opened again when it breaks.
#[derive(Clone)]
pub struct Store {
    connection: ConnectionManager,
    jitter: u64,
}

impl Store {
    /// Connects, and waits for Redis as long as it takes.
    ///
    /// `jitter` is the most seconds by which a counter outlives its window. `timeout` is how long Redis may take
    /// to answer.
    pub async fn connect(address: &str, jitter: u64, timeout: Duration) -> Result<Self, RedisError> {
        let client = Client::open(address)?;
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_min_delay(Duration::from_millis(10))
            .set_connection_timeout(Some(timeout))
            .set_response_timeout(Some(timeout));
        loop {
            match ConnectionManager::new_with_config(client.clone(), config.clone()).await {
                Ok(connection) => return Ok(Self { connection, jitter }),
                Err(error) => eprintln!("waiting for Redis at {address}: {error}"),
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Adds to the counters, in one pipeline; returns what each contains then.
    ///
    /// Redis counts in 64 signed bits, and refuses what goes beyond. If one command fails, others of the
    /// pipeline may have been done.
    pub async fn add(&self, charges: &[Charge], now: u64) -> Result<Vec<u64>, RedisError> {
        if charges.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = Pipeline::new();
        for charge in charges {
            // So that not all counters of a window are deleted in the same second. The reference implementation
            // takes a random number.
            let jitter = now.checked_rem(self.jitter).unwrap_or_default();
            pipeline.cmd("INCRBY").arg(&charge.key).arg(charge.hits);
            pipeline.cmd("EXPIRE").arg(&charge.key).arg(charge.window + jitter).ignore();
        }
        pipeline.query_async(&mut self.connection.clone()).await
    }
}
