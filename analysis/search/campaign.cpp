#include "analysis/search/campaign.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <mutex>
#include <thread>

#include "analysis/report/format.hpp"
#include "analysis/report/result.hpp"
#include "analysis/search/campaign_store.hpp"
#include "analysis/search/coverage.hpp"
#include "analysis/search/finding_kind.hpp"
#include "analysis/search/probe.hpp"
#include "analysis/search/statistics.hpp"
#include "scenarios/plan/plan_text.hpp"
#include "scenarios/spec/parse.hpp"
#include "sim/base/hash.hpp"

namespace seqlab::analysis {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t recheck_every = 20;        // 5 % of the cases are run twice
constexpr std::size_t kept_of_a_kind = 1;          // failures of one kind that are kept whole
constexpr double group_seconds = 0.25;             // how long a group of cases aims to take

double thread_cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

/// A strategy on a target, and how far it is.
struct Stream {
  const Target* target = nullptr;
  CaseLimits limits;           ///< of a case, and whether the campaign goes on
  const StrategyEntry* entry = nullptr;
  std::unique_ptr<Strategy> strategy;
  std::uint64_t next = 0;      ///< index of the next case of this stream in this shard
  std::uint64_t cycle = 0;     ///< cycles that this shard has dealt (learners count their own cases)
  StreamReport report;
  std::vector<std::pair<Case, CaseResult>> batch;  ///< of a learner, since its last lesson
  std::uint64_t batch_first = 0;
};

/// One case on its way.
struct Job {
  std::uint32_t stream = 0;
  std::uint64_t index = 0;
  Case which;
  CaseResult result;
  double cpu_seconds = 0;
  bool rechecked = false;
  bool interrupted = false;  ///< or not even begun: it was not run
};

bool is_rechecked(std::uint64_t stream, std::uint64_t index) {
  return FieldHash<2>{}.add(stream).add(index).finish().lo % recheck_every == 0;
}

void run_job(Job& job, const Stream& stream) {
  const double before = thread_cpu_seconds();
  try {
    job.which = stream.strategy->make(job.index);
    job.result = run_case(job.which, *stream.target, stream.limits);
    job.interrupted = job.result.interrupted;
    if (!job.interrupted && is_rechecked(job.stream, job.index)) {
      job.rechecked = true;
      const CaseResult again = run_case(job.which, *stream.target, stream.limits);
      job.interrupted = again.interrupted;
      if (again.digest != job.result.digest || again.error != job.result.error) {
        job.result.error = fmt::format("determinism: digest {} and then {}", to_hex(job.result.digest),
                                       to_hex(again.digest));
      }
    }
  } catch (const std::exception& error) {
    job.result = {};
    job.result.error = fmt::format("the strategy failed: {}", error.what());
  }
  job.cpu_seconds = thread_cpu_seconds() - before;
}

std::string failure_checker(const CaseResult& result) {
  if (result.error.compare(0, 12, "determinism:") == 0) return "determinism";
  return kind_of(result);
}

class Campaign {
 public:
  explicit Campaign(const CampaignOptions& options) : o_(options), begin_(Clock::now()) {
    targets_ = o_.targets;
    for (Target& target : targets_) {
      report_.goals_aimed |= goals_within_reach(*target.scenario);
      if (!o_.strategies.empty()) target.seen = std::make_shared<const Probe>(probe(target));
      CaseLimits limits = o_.events_max != 0 ? CaseLimits{o_.events_max, {}} : limits_of(target);
      limits.goes_on = [this] { return !stops(); };
      for (const StrategyEntry* entry : o_.strategies) {
        Stream s;
        s.target = &target;
        s.limits = limits;
        s.entry = entry;
        s.report.target = target.name;
        s.report.strategy = entry->name;
        streams_.push_back(std::move(s));
      }
    }
    report_.seed = o_.seed;
    report_.goals.assign(goal_names().size(), 0);
    open();
    for (Stream& s : streams_) {
      // Learners of different shards learn different things: each has luck of its own.
      const std::uint64_t seed = s.entry->learns ? o_.seed ^ (std::uint64_t{o_.shard} << 40U | o_.shards) : o_.seed;
      s.strategy = s.entry->make(*s.target, seed);
    }
    restore();
  }

  CampaignReport run() {
    double pace = 0;  // cases a second of all threads
    while (true) {
      finish_report();
      if (broken_off_) {
        report_.interrupted = !out_of_time();
        break;
      }
      if (limit_reached()) break;
      if (o_.on_progress && !o_.on_progress(report_)) {
        report_.interrupted = true;
        break;
      }
      std::uint64_t count = pace == 0 ? 4 * o_.jobs : static_cast<std::uint64_t>(pace * group_seconds) + 1;
      count = std::clamp<std::uint64_t>(count, o_.jobs, 4096);
      if (o_.cases != 0) count = std::min(count, o_.cases - report_.cases);
      std::vector<Job> jobs = deal(count);
      if (jobs.empty()) {
        report_.out_of_cases = true;
        break;
      }
      const Clock::time_point before = Clock::now();
      run_all(jobs);
      const double took = std::chrono::duration<double>(Clock::now() - before).count();
      pace = static_cast<double>(jobs.size()) / std::max(took, 1e-6);
      take(jobs);
    }
    finish_report();
    return std::move(report_);
  }

 private:
  // ---- what is run next -------------------------------------------------------------------------------------------

  std::uint64_t total_weight() const {
    std::uint64_t sum = 0;
    for (const Stream& s : streams_) sum += s.entry->weight;
    return sum;
  }

  /// The next cases in the order of cycles, at most `count`. Fewer if a learner must first be taught.
  std::vector<Job> deal(std::uint64_t count) {
    std::vector<Job> jobs;
    std::uint64_t idle = 0;
    while (jobs.size() < count && idle < pattern_size()) {
      const std::uint64_t slot = position_ % pattern_size();
      Stream& s = streams_[pattern(slot)];
      const std::optional<std::uint64_t> size = s.strategy->size();
      const std::uint64_t index = index_of(s, position_);
      if (size && index >= *size) {
        s.report.exhausted = true;
        ++idle;
        ++position_;
        continue;
      }
      if (s.entry->learns && index >= s.batch_first + batch_size(s.batch_first)) break;  // teach first
      idle = 0;
      ++position_;
      jobs.push_back({static_cast<std::uint32_t>(&s - streams_.data()), index, {}, {}, 0, false});
    }
    return jobs;
  }

  /// Streams of one cycle, one entry a case.
  std::uint64_t pattern_size() const { return pattern_.size(); }
  std::uint32_t pattern(std::uint64_t slot) const { return pattern_[slot]; }

  /// Index of the case at a position of this shard's own sequence of cycles.
  std::uint64_t index_of(const Stream& s, std::uint64_t position) const {
    const std::uint64_t own_cycle = position / pattern_size();
    const std::uint64_t slot = position % pattern_size();
    std::uint64_t occurrence = 0;
    const auto self = static_cast<std::uint32_t>(&s - streams_.data());
    for (std::uint64_t i = 0; i < slot; ++i) occurrence += pattern_[i] == self ? 1U : 0U;
    const std::uint64_t cycle = s.entry->learns ? own_cycle : own_cycle * o_.shards + o_.shard;
    return cycle * s.entry->weight + occurrence;
  }

  void run_all(std::vector<Job>& jobs) {
    std::atomic<std::size_t> next{0};
    std::atomic<bool> broken_off{false};
    const auto work = [&] {
      while (true) {
        const std::size_t i = next.fetch_add(1, std::memory_order_relaxed);
        if (i >= jobs.size()) return;
        if (broken_off.load(std::memory_order_relaxed)) {
          jobs[i].interrupted = true;
          continue;
        }
        run_job(jobs[i], streams_[jobs[i].stream]);
        if (jobs[i].interrupted) broken_off.store(true, std::memory_order_relaxed);
      }
    };
    std::vector<std::thread> others;
    for (std::uint32_t i = 1; i < o_.jobs && i < jobs.size(); ++i) others.emplace_back(work);
    work();
    for (std::thread& t : others) t.join();
    // What is recorded has no gaps: cases are dealt in one order, and a part that goes on begins where this one ends.
    const auto first = std::ranges::find_if(jobs, [](const Job& job) { return job.interrupted; });
    if (first == jobs.end()) return;
    broken_off_ = true;
    jobs.erase(first, jobs.end());
  }

  /// Cases of ordinary length end within a group's time: only those that do not are stopped by a limit of time.
  bool out_of_time() const { return o_.seconds > 0 && session_seconds() >= o_.seconds + 2 * group_seconds; }
  double session_seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }
  bool stops() const { return out_of_time() || (o_.stops && o_.stops()); }

  // ---- what came of it --------------------------------------------------------------------------------------------

  void take(std::vector<Job>& jobs) {
    CampaignStore::Group group;
    std::vector<CampaignBatch> batches;  // in the order of jobs; runs of one stream
    std::vector<HashBuilder> digests;
    std::vector<std::int64_t> open(streams_.size(), -1);
    for (Job& job : jobs) {
      Stream& s = streams_[job.stream];
      const CaseResult& r = job.result;
      std::int64_t& at = open[job.stream];
      if (at < 0 || batches[static_cast<std::size_t>(at)].first + batches[static_cast<std::size_t>(at)].count !=
                        job.index) {
        at = static_cast<std::int64_t>(batches.size());
        CampaignBatch batch;
        batch.stream = job.stream;
        batch.first = job.index;
        batches.push_back(batch);
        digests.emplace_back("campaign batch");
      }
      CampaignBatch& b = batches[static_cast<std::size_t>(at)];
      ++b.count;
      b.events += r.events;
      b.rechecked += job.rechecked ? 1U : 0U;
      b.cpu_seconds += job.cpu_seconds;
      digests[static_cast<std::size_t>(at)].add(r.digest);
      const bool cut_off = r.cut_off && !is_failure(r);
      if (!r.error.empty()) {
        ++b.crashed;
      } else if (cut_off) {
        ++b.cut_off;
        ++report_.cut_off;
        if (report_.cut_off_first.empty()) {
          report_.cut_off_first = fmt::format("{}, {} case {}", s.report.target, s.report.strategy, job.index);
        }
      } else {
        switch (r.verdict) {
          case scenarios::Verdict::held: ++b.held; break;
          case scenarios::Verdict::violated: ++b.violated; break;
          case scenarios::Verdict::outside_model: ++b.outside_model; break;
          case scenarios::Verdict::undecided: ++b.undecided; break;
        }
      }
      const std::uint64_t news = census_.add(r.states, &group.new_states);
      b.new_states += news;
      for (std::size_t g = 0; g < report_.goals.size(); ++g) report_.goals[g] += r.goals >> g & 1U;
      if (is_failure(r)) add_failure(job, s, group);
      count(s, 1, is_failure(r) ? 1 : 0, news, job.cpu_seconds);
      report_.events += r.events;
      report_.rechecked += job.rechecked ? 1U : 0U;
      ++report_.session_cases;
      if (s.entry->learns) learn(s, job);
    }
    for (std::size_t i = 0; i < batches.size(); ++i) batches[i].digest = digests[i].finish();
    if (store_ == nullptr) return;
    group.batches = std::move(batches);
    group.goals = report_.goals;
    group.wall_seconds = wall_before_ + session_seconds();
    store_->record(group);
  }

  void count(Stream& s, std::uint64_t cases, std::uint64_t failures, std::uint64_t news, double cpu) {
    s.report.cases += cases;
    s.report.failures += failures;
    s.report.new_states += news;
    s.report.cpu_seconds += cpu;
    report_.cases += cases;
    report_.failed_cases += failures;
    report_.cpu_seconds += cpu;
  }

  void add_failure(Job& job, const Stream& s, CampaignStore::Group& group) {
    const CaseResult& r = job.result;
    CampaignFailure f;
    f.target = s.report.target;
    f.strategy = s.report.strategy;
    f.index = job.index;
    f.checker = failure_checker(r);
    f.text = r.error.empty() ? r.findings.front().text : r.error;
    f.digest = r.digest;
    f.which = job.which;
    if (store_ != nullptr) {
      group.failures.push_back(
          {job.stream, job.index, f.checker, f.text, to_hex(f.digest), scenarios::to_json(job.which.plan)});
    }
    keep(std::move(f));
  }

  void keep(CampaignFailure f) {
    std::vector<CampaignFailure*> same;
    const std::string shape = shape_of(f.text);
    for (CampaignFailure& other : report_.failures) {
      if (other.target == f.target && other.checker == f.checker && shape_of(other.text) == shape) {
        same.push_back(&other);
      }
    }
    for (CampaignFailure* other : same) ++other->count;
    f.count = same.size() + 1;
    if (!same.empty()) f.count = same.front()->count;
    if (same.size() < kept_of_a_kind) report_.failures.push_back(std::move(f));
  }

  static void learn(Stream& s, Job& job) {
    s.batch.emplace_back(std::move(job.which), std::move(job.result));
    if (s.batch.size() < batch_size(s.batch_first)) return;
    teach(s);
  }
  static void teach(Stream& s) {
    std::vector<Strategy::Lesson> lessons;
    for (std::size_t i = 0; i < s.batch.size(); ++i) {
      lessons.push_back({s.batch_first + i, &s.batch[i].first, &s.batch[i].second});
    }
    s.strategy->learn(lessons);
    s.batch_first += s.batch.size();
    s.batch.clear();
  }

  // ---- the file ---------------------------------------------------------------------------------------------------

  void open() {
    for (std::uint32_t i = 0; i < streams_.size(); ++i) {
      for (std::uint32_t k = 0; k < streams_[i].entry->weight; ++k) pattern_.push_back(i);
    }
    if (o_.file.empty()) return;
    std::vector<std::pair<std::string, std::string>> identity{
        {"version", version()},
        {"seed", std::to_string(o_.seed)},
        {"shard", fmt::format("{}/{}", o_.shard, o_.shards)}};
    std::vector<std::pair<std::string, std::string>> streams;
    std::string strategies;
    for (const StrategyEntry* entry : o_.strategies) {
      strategies += fmt::format("{}{}*{}", strategies.empty() ? "" : " ", entry->name, entry->weight);
    }
    identity.emplace_back("strategies", strategies);
    std::string targets;
    for (const Target& t : o_.targets) {
      targets += fmt::format("{}{} {}", targets.empty() ? "" : ", ", t.name,
                             to_hex(scenarios::scenario_hash(*t.scenario)));
    }
    identity.emplace_back("targets", targets);
    if (o_.events_max != 0) identity.emplace_back("events_max", std::to_string(o_.events_max));
    for (const Stream& s : streams_) streams.emplace_back(s.report.target, s.report.strategy);
    store_ = std::make_unique<CampaignStore>(o_.file, identity, streams);
  }

  /// Takes up where the file ends: counts, states, failures, the position in the cycles, and what learners know.
  void restore() {
    if (store_ == nullptr || !store_->resumed()) return;
    report_.resumed = true;
    wall_before_ = store_->wall_seconds();
    std::vector<std::uint64_t> done(streams_.size());
    for (const CampaignBatch& b : store_->batches()) {
      if (b.stream >= streams_.size()) continue;
      count(streams_[b.stream], b.count, b.violated + b.crashed, b.new_states, b.cpu_seconds);
      report_.events += b.events;
      report_.rechecked += b.rechecked;
      report_.cut_off += b.cut_off;
      done[b.stream] += b.count;
    }
    census_.restore(store_->states());
    const std::vector<std::uint64_t> goals = store_->goals();
    for (std::size_t i = 0; i < std::min(goals.size(), report_.goals.size()); ++i) report_.goals[i] = goals[i];

    // Cases are dealt in one order: the position follows from how many of each stream are done.
    std::vector<std::uint64_t> passed(streams_.size());
    while (!pattern_.empty()) {
      const std::uint32_t stream = pattern(position_ % pattern_size());
      const std::optional<std::uint64_t> size = streams_[stream].strategy->size();
      const bool beyond = size && index_of(streams_[stream], position_) >= *size;
      if (!beyond) {
        if (passed[stream] == done[stream]) break;
        ++passed[stream];
      } else if (passed == done) {
        break;
      }
      ++position_;
    }
    for (const StoredFailure& f : store_->failures()) {
      if (f.stream >= streams_.size()) continue;
      const Stream& s = streams_[f.stream];
      CampaignFailure failure;
      failure.target = s.report.target;
      failure.strategy = s.report.strategy;
      failure.index = f.index;
      failure.checker = f.checker;
      failure.text = f.text;
      keep(std::move(failure));
    }
    for (Stream& s : streams_) {
      if (s.entry->learns) {
        relearn(s, done[static_cast<std::size_t>(&s - streams_.data())]);
        continue;
      }
      for (CampaignFailure* f : failures_of(s)) {
        f->which = s.strategy->make(f->index);
        f->digest = run_case(f->which, *s.target, s.limits).digest;
      }
    }
  }

  std::vector<CampaignFailure*> failures_of(const Stream& s) {
    std::vector<CampaignFailure*> out;
    for (CampaignFailure& f : report_.failures) {
      if (f.target == s.report.target && f.strategy == s.report.strategy) out.push_back(&f);
    }
    return out;
  }

  /// What a learner was taught is not in the file: its cases are run again. They are not counted again.
  void relearn(Stream& s, std::uint64_t done) {
    for (std::uint64_t first = 0, last = 0; first < done; first = last) {
      last = first + batch_size(first);
      std::vector<Job> jobs;
      for (std::uint64_t i = first; i < std::min(done, last); ++i) {
        jobs.push_back({static_cast<std::uint32_t>(&s - streams_.data()), i, {}, {}, 0, false});
      }
      run_all(jobs);
      if (broken_off_) return;
      for (CampaignFailure* f : failures_of(s)) {
        if (f->index < first || f->index >= first + jobs.size()) continue;
        f->which = jobs[f->index - first].which;
        f->digest = jobs[f->index - first].result.digest;
      }
      for (Job& job : jobs) learn(s, job);
    }
  }

  // ---- the end ----------------------------------------------------------------------------------------------------

  bool limit_reached() const {
    if (o_.cases != 0 && report_.cases >= o_.cases) return true;
    if (o_.seconds > 0 && report_.session_seconds >= o_.seconds) return true;
    return o_.until_failure && report_.failed_cases > 0;
  }

  void finish_report() {
    report_.session_seconds = session_seconds();
    report_.wall_seconds = wall_before_ + report_.session_seconds;
    report_.distinct_states = census_.distinct();
    report_.chance_of_new_state = census_.chance_of_new();
    report_.excluded_rate = excluded_rate_95(report_.cases - report_.cut_off, report_.failed_cases);
    report_.streams.clear();
    for (const Stream& s : streams_) report_.streams.push_back(s.report);
  }

  const CampaignOptions& o_;
  Clock::time_point begin_;
  double wall_before_ = 0;
  std::vector<Target> targets_;  ///< as asked for, each with what was seen of it
  std::vector<Stream> streams_;
  std::vector<std::uint32_t> pattern_;
  bool broken_off_ = false;     ///< in the middle of a case
  std::uint64_t position_ = 0;  ///< in this shard's sequence of cycles
  StateCensus census_;
  CampaignReport report_;
  std::unique_ptr<CampaignStore> store_;
};

}  // namespace

CampaignReport run_campaign(const CampaignOptions& options) { return Campaign{options}.run(); }

}  // namespace seqlab::analysis
