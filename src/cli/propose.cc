// pawl propose, pawl advance, pawl rollback: begin a proposal, or move one on as far as it goes.
#include "gate/propose.h"

#include "cli/advance_all.h"
#include "cli/command.h"
#include "cli/gate_requests.h"
#include "cli/health_site.h"
#include "cli/local_review.h"
#include "cli/worker_keys.h"

namespace pawl::cli {

void AddPropose(CLI::App& app, Globals& globals) {
  auto review = std::make_shared<bool>(false);
  const auto reviewing = [review] { return *review ? Reviewing::kHere : Reviewing::kElsewhere; };
  constexpr char kReviewHelp[] = "start the reviewers whose keys are on this machine";
  auto directory = std::make_shared<std::string>();
  auto note = std::make_shared<std::string>();
  CLI::App* propose = app.add_subcommand("propose", "freeze a candidate and take it as far along the path as it goes");
  propose->add_option("DIRECTORY", *directory, "the candidate: a complete tree")->required();
  propose->add_option("-m,--note", *note, "what it is, for people");
  propose->add_flag("--review", *review, kReviewHelp);
  AddGateWorkers(*propose, globals);
  propose->footer(
      "Ends with what it waits for, and the command to type. Exit status 6: pending.\n"
      "example:\n  pawl propose ./candidate -m 'second layer widened'");
  propose->callback([=, &globals] {
    globals.exit = ProposeAndDecide(globals, reviewing(),
                                    [&](gate::Gate& gate) { return gate::ProposeTree(gate, *directory, *note); });
  });

  auto proposal = std::make_shared<std::string>();
  CLI::App* advance =
      app.add_subcommand("advance", "go on with a proposal after somebody has acted or time has passed");
  CLI::Option* named = advance->add_option("PROPOSAL", *proposal, "its name, like p3");
  CLI::Option* reviewing_here = advance->add_flag("--review", *review, kReviewHelp);
  auto all = std::make_shared<bool>(false);
  auto watch = std::make_shared<bool>(false);
  advance->add_flag("--all", *all, "whatever is open, of every subject that the home has, or of --subject")
      ->excludes(named)
      ->excludes(reviewing_here);
  CLI::Option* everything = advance->get_option("--all");
  CLI::Option* watching = advance->add_flag("--watch", *watch, "again whenever a log grows, until interrupted");
  watching->needs(everything);
  AddGateWorkers(*advance, globals);
  auto health_at = std::make_shared<std::string>();
  advance->add_option("--health", *health_at, kHealthHelp)->needs(watching);
  auto requests = std::make_shared<bool>(false);
  advance->add_flag("--requests", *requests, "take proposals and approvals from standard input, a line of JSON each")
      ->needs(everything);
  advance->footer(
      "As far as the last approval; switching is the loader's (pawl release). --all is for timers and services: exit\n"
      "status 0 where everything was looked at, whatever still waits. A step that the machine has failed is tried "
      "again\n"
      "after 1, 2, 4 and 8 minutes. With --watch others can propose and approve between looks; SIGINT or SIGTERM end "
      "it\n"
      "after the step that is under way.\n\n"
      "With --requests each line is one of\n"
      "  {\"subject\":\"a\",\"propose\":\"/srv/candidate\",\"note\":\"wider\"}\n"
      "  {\"subject\":\"a\",\"rollback\":\"3\",\"note\":\"alerts too late\"}\n"
      "  {\"subject\":\"a\",\"approve\":\"p4\",\"signature\":\"-----BEGIN SSH SIGNATURE-----...\"}\n"
      "and has one answer. A signature is a person's, made by ssh-keygen -Y sign -n approve@pawl over the bytes that\n"
      "\"to_sign\" has in base64 where a proposal waits for approval (--json); \"reason\" and \"as\" are pawl "
      "approve's.\n\n"
      "examples:\n  pawl advance p3\n  pawl advance --all\n  pawl --log-file gate.log advance --all --watch\n"
      "  pawl --json advance --all --requests < requests.jsonl\n"
      "  pawl advance --all --watch --workers 'postgresql://pawl_gate@db.example.org/pawl?sslmode=verify-full' \\\n"
      "    --worker-keys workers.txt");
  advance->callback([=, &globals] {
    if (*all || named->empty()) {
      globals.exit = *all ? AdvanceAll(globals, {*watch, *requests, *health_at})
                          : Fail(globals, {ErrorCode::kUsage, "advance.which", "which proposal?",
                                           "pawl advance p3, or pawl advance --all"});
      return;
    }
    globals.exit = ProposeAndDecide(globals, reviewing(), [&](gate::Gate&) { return Result<std::string>(*proposal); });
  });

  auto target = std::make_shared<std::string>();
  auto reason = std::make_shared<std::string>();
  CLI::App* rollback = app.add_subcommand("rollback", "propose to return to a tree that was live before");
  rollback->add_option("TARGET", *target,
                       "an epoch or a tree's digest (default: before the live release, unless that is a rollback)");
  rollback->add_option("-m,--note", *reason, "why");
  rollback->add_flag("--review", *review, kReviewHelp);
  rollback->footer(
      "A rollback is a release: it is voted on, approved and checked like one, and no counter goes back.\n"
      "examples:\n  pawl rollback -m 'alerts too late'\n  pawl rollback 3 -m 'back to epoch 3'");
  rollback->callback([=, &globals] {
    globals.exit = ProposeAndDecide(globals, reviewing(), [&](gate::Gate& gate) -> Result<std::string> {
      Result<crypto::Digest> tree = RollbackTree(*target, gate.log().history());
      if (!tree.ok()) return tree.error();
      return gate::ProposeRollback(gate, *tree, *reason);
    });
  });
}

}  // namespace pawl::cli
