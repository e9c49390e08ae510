//! `lyceum privacy`: its arguments, and how a mechanism is written on the command line.

use clap::{Args, Subcommand};
use lyceum_privacy::accounting::Spent;
use lyceum_privacy::mechanism::{Mechanism, MechanismCall, Norm, Sensitivity};

#[derive(Subcommand)]
pub(crate) enum Privacy {
    /// ε of mechanisms used together at a given δ
    #[command(
        after_help = "Examples:\n  lyceum privacy epsilon --gaussian 1,31,50 --laplace 1,20 --delta 1e-9\n  lyceum privacy epsilon --rho 0.052 --delta 1e-9"
    )]
    Epsilon(PrivacyEpsilon),
}

#[derive(Args)]
pub(crate) struct PrivacyEpsilon {
    /// Discrete Gaussian noise: L2 sensitivity, σ, and how often (default 1); may be repeated
    #[arg(long, value_name = "SENSITIVITY,SIGMA[,COUNT]", value_parser = gaussian)]
    pub(crate) gaussian: Vec<Spent>,
    /// Discrete Laplace noise: L1 sensitivity, scale, and how often (default 1); may be repeated
    #[arg(long, value_name = "SENSITIVITY,SCALE[,COUNT]", value_parser = laplace)]
    pub(crate) laplace: Vec<Spent>,
    /// ρ of zero-concentrated differential privacy instead of mechanisms
    #[arg(long, conflicts_with_all = ["gaussian", "laplace"], required_unless_present_any = ["gaussian", "laplace"])]
    pub(crate) rho: Option<f64>,
    /// δ, between 0 and 1
    #[arg(long)]
    pub(crate) delta: f64,
}

fn gaussian(text: &str) -> Result<Spent, String> {
    spent(text, Norm::L2, |sigma| Mechanism::DiscreteGaussian { sigma })
}

fn laplace(text: &str) -> Result<Spent, String> {
    spent(text, Norm::L1, |scale| Mechanism::DiscreteLaplace { scale })
}

fn spent(text: &str, norm: Norm, mechanism: impl Fn(f64) -> Mechanism) -> Result<Spent, String> {
    let number = |part: &str| part.trim().parse::<f64>().map_err(|_| format!("{part} is not a number"));
    let (value, scale, count) = match text.split(',').collect::<Vec<_>>().as_slice() {
        [value, scale] => (number(value)?, number(scale)?, 1),
        [value, scale, count] => {
            let count = count.trim().parse().map_err(|_| format!("{count} is not a whole number"))?;
            (number(value)?, number(scale)?, count)
        }
        _ => return Err("write SENSITIVITY,SCALE or SENSITIVITY,SCALE,COUNT".to_owned()),
    };
    let mechanism = mechanism(scale);
    let call = MechanismCall { query: 0, measure: 0, mechanism, sensitivity: Sensitivity { norm, value } };
    call.check().map_err(|e| e.to_string())?;
    Ok(Spent { mechanism, sensitivity: value, count })
}
