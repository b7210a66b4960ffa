//! doctor
use std::process::ExitCode;
pub fn run(_options: &crate::cli::Doctor) -> Result<ExitCode, crate::error::Error> {
    Ok(ExitCode::SUCCESS)
}
