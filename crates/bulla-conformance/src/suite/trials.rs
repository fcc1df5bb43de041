//! The cases as named tests of `libtest-mimic`.

use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Completion, Failed, Trial};

use super::{Harness, Options, Verdict, all_cases, run_case};

/// One test per case, named `prefix::case-id`, each in a tokio runtime of its own with two threads.
///
/// What a case skips is shown as ignored with the reason.
pub fn trials(prefix: &str, harness: &Arc<dyn Harness>, options: &Options) -> Vec<Trial> {
    all_cases()
        .map(|case| {
            let (harness, options) = (Arc::clone(harness), options.clone());
            Trial::ignorable_test(format!("{prefix}::{}", case.id), move || {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(2)
                    .enable_all()
                    .build()?;
                let verdict = runtime.block_on(run_case(case, harness, &options));
                // What a database still does must end before the program does, whose exit takes its library's globals
                // away under it; a case that hangs has its time and no more.
                runtime.shutdown_timeout(Duration::from_millis(options.case_timeout_ms));
                match verdict {
                    Verdict::Pass => Ok(Completion::Completed),
                    Verdict::Skip(why) => Ok(Completion::ignored_with(why)),
                    Verdict::Fail(why) => {
                        Err(Failed::from(format!("{why} (seed {})", options.seed)))
                    }
                    Verdict::HarnessError(why) => {
                        Err(Failed::from(format!("harness error: {why}")))
                    }
                }
            })
        })
        .collect()
}
