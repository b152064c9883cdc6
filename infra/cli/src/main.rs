//! `michi`: the command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use michi_cli::{
    apply, approve, broadcasts, check, derivation, dev, doctor, erase, explain, export_lead, export_leads, history, import, init,
    lead, leads, mail, merge, messages, plan, preview, redrive, replay, results, rollback, scenarios, segment, send_test,
    simulate, suspects, test,
};

/// Watches how prospects walk through a site, scores them, and calls a salesperson at the right moment.
#[derive(Debug, Parser)]
#[command(name = "michi", version, arg_required_else_help = true)]
struct Michi {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything in one process, with a demonstration site.
    Dev(dev::DevArgs),
    /// Write a playbook for a new site, from six questions.
    Init(init::InitArgs),
    /// Check a playbook: every mistake with its line and what to do about it.
    Check(check::CheckArgs),
    /// Show a mail as its reader will see it: on a desktop, on a telephone, as text, with its headers.
    Preview(preview::PreviewArgs),
    /// Send a mail to an address of your own, marked as a test.
    SendTest(send_test::SendTestArgs),
    /// Tell a scenario or a segment in plain words; without a name, list them.
    Explain(explain::ExplainArgs),
    /// List the hottest leads, by what they are worth now.
    Leads(leads::LeadsArgs),
    /// Show a lead: what it did, what each point is for, and the messages about it.
    Lead(lead::LeadArgs),
    /// Say who is in a segment now, and how many of them may be mailed; without a name, list the segments.
    Segment(segment::SegmentArgs),
    /// Say who would get what on which day along a scenario, by the engine itself. Writes nothing.
    Simulate(simulate::SimulateArgs),
    /// Try the examples beside the scenarios.
    Test(test::TestArgs),
    /// Send one mail to everybody in a segment or on a list, who may be mailed.
    Mail(mail::MailArgs),
    /// List the mails sent to many at once, say what came of one, or end one.
    Broadcasts(broadcasts::BroadcastsArgs),
    /// List the scenarios, with how many leads are under way in each.
    Scenarios(scenarios::ScenariosArgs),
    /// Let leads into a scenario by hand: a segment, a list, or some.
    Enroll(scenarios::EnrollArgs),
    /// Let nobody go on in a scenario, or one lead, until `michi resume`.
    Pause(scenarios::PauseArgs),
    /// Go on with a scenario that was paused, or with one lead.
    Resume(scenarios::ResumeArgs),
    /// End a scenario for everybody under way in it, or for one lead.
    Stop(scenarios::StopArgs),
    /// Say what came of a scenario, and who is behind each number; without a name, of each.
    Results(results::ResultsArgs),
    /// Import people from a list, and what they did away from the site; or take a list back.
    Import(import::ImportArgs),
    /// Write all leads with what is known of them, as CSV or JSON.
    ExportLeads(export_leads::ExportLeadsArgs),
    /// Write everything that is kept of one person, as JSON.
    ExportLead(export_lead::ExportLeadArgs),
    /// Merge a lead into another that is the same person.
    Merge(merge::MergeArgs),
    /// Erase everything that is kept of one person.
    Erase(erase::EraseArgs),
    /// List messages that are held or under way; release a held one, or give it up.
    Messages(messages::MessagesArgs),
    /// List forms that look like spam; let one in, or drop it.
    Suspects(suspects::SuspectsArgs),
    /// Hand over again what was given up or could not be read.
    Redrive(redrive::RedriveArgs),
    /// Say whether an installation is well, and what to do where it is not.
    Doctor(doctor::DoctorArgs),
    /// Say what michi would have said about a site's past, from its access log.
    Replay(replay::ReplayArgs),
    /// Say what would change if a playbook were live: rules, cells, stages. Writes nothing; exit code 2 if anything would.
    Plan(plan::PlanArgs),
    /// Make a playbook live, and have all leads judged by it.
    Apply(apply::ApplyArgs),
    /// Make a playbook live that somebody else has applied, where two must agree.
    Approve(approve::ApproveArgs),
    /// Go back to a playbook that was live before.
    Rollback(rollback::RollbackArgs),
    /// List which playbook was live from when on, by whom and what for.
    History(history::HistoryArgs),
    /// Show how far all leads are judged by the live playbook, or end that.
    Derivation(derivation::DerivationArgs),
}

fn main() -> ExitCode {
    let michi = match Michi::try_parse() {
        Ok(michi) => michi,
        Err(misuse) => {
            let _unwritable = misuse.print();
            // Not clap's own 2, by which `plan` says that changes are pending.
            return if misuse.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    let done = match michi.command {
        Command::Dev(args) => dev::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Preview(args) => preview::run(&args),
        Command::SendTest(args) => send_test::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Leads(args) => leads::run(&args),
        Command::Lead(args) => lead::run(&args),
        Command::Segment(args) => segment::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Mail(args) => mail::run(&args),
        Command::Broadcasts(args) => broadcasts::run(&args),
        Command::Scenarios(args) => scenarios::run(&args),
        Command::Enroll(args) => scenarios::run_enroll(&args),
        Command::Pause(args) => scenarios::run_pause(&args),
        Command::Resume(args) => scenarios::run_resume(&args),
        Command::Stop(args) => scenarios::run_stop(&args),
        Command::Import(args) => import::run(&args),
        Command::ExportLeads(args) => export_leads::run(&args),
        Command::ExportLead(args) => export_lead::run(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Erase(args) => erase::run(&args),
        Command::Messages(args) => messages::run(&args),
        Command::Suspects(args) => suspects::run(&args),
        Command::Redrive(args) => redrive::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Apply(args) => apply::run(&args),
        Command::Approve(args) => approve::run(&args),
        Command::Results(args) => results::run(&args),
        Command::Rollback(args) => rollback::run(&args),
        Command::History(args) => history::run(&args),
        Command::Derivation(args) => derivation::run(&args),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("michi: {error:#}");
            ExitCode::FAILURE
        }
    }
}
