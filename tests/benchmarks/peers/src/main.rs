// Copyright: lifeboat.kafka contributors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

//! Runs a backup or a restore with the engine of kafka-backup, to measure against.
//!
//! Usage: peer backup|restore CONFIG.yml

use std::error::Error;
use std::process::ExitCode;

use kafka_backup_core::backup::BackupEngine;
use kafka_backup_core::{Config, RestoreEngine};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peer: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let [work, path] = arguments else {
        return Err("usage: peer backup|restore CONFIG.yml".into());
    };
    let config: Config = serde_yaml::from_str(&std::fs::read_to_string(path)?)?;
    match work.as_str() {
        "backup" => BackupEngine::new(config).await?.run().await?,
        "restore" => {
            RestoreEngine::new(config)?.run().await?;
        }
        other => return Err(format!("neither backup nor restore: {other}").into()),
    }
    Ok(())
}
