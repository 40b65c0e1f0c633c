//! `smtpkit generate`: shell completions and the manual, made from the command line's own definition.

use std::io::{self, Write as _};

use crate::exit::{Exit, Failure};

/// What to write.
#[derive(Debug, clap::Args)]
pub(crate) struct GenerateArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Completions for a shell, such as `smtpkit generate completions bash > /etc/bash_completion.d/smtpkit`
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// The manual page of smtpkit, or of one subcommand
    Man {
        /// The subcommand, such as `send`
        subcommand: Option<String>,
    },
}

/// Runs `smtpkit generate`.
pub(crate) fn run(args: &GenerateArgs, mut command: clap::Command) -> Result<(), Failure> {
    let mut page = Vec::new();
    match &args.what {
        What::Completions { shell } => clap_complete::generate(*shell, &mut command, "smtpkit", &mut page),
        What::Man { subcommand } => {
            let named = match subcommand {
                None => command,
                Some(name) => command
                    .find_subcommand(name)
                    .cloned()
                    .ok_or_else(|| Failure::new(Exit::Usage, format!("there is no subcommand `{name}`")))?
                    .display_name(format!("smtpkit-{name}")),
            };
            clap_mangen::Man::new(named).render(&mut page).map_err(|error| Failure::new(Exit::Io, error))?;
        }
    }
    io::stdout().write_all(&page).map_err(|error| Failure::new(Exit::Io, error))
}
