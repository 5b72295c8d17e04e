#include "sandbox/job.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <limits>

#include "sandbox/descriptor.h"
#include "sandbox/helper_plan.h"
#include "sandbox/system_error.h"

namespace pawl::sandbox {
namespace {

Error Nonsense(std::string rule, std::string message) {
  return {ErrorCode::kUsage, "sandbox.job." + std::move(rule), std::move(message), ""};
}

// Absolute, no empty, "." or ".." component, no trailing '/', no NUL.
bool IsNormalPath(const std::string& path) {
  if (path.size() < 2 || path.size() > 4000 || path[0] != '/' || path.find('\0') != std::string::npos) return false;
  for (std::size_t begin = 1; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string component = path.substr(begin, end - begin);
    if (component.empty() || component == "." || component == ".." || component.size() > 255) return false;
    begin = end + 1;
  }
  return true;
}

bool IsAtOrBelow(const std::string& path, const std::string& directory) {
  return path == directory || path.starts_with(directory + "/");
}

Result<void> CheckLimits(const Limits& limits) {
  constexpr std::int64_t kDay = 24LL * 3600 * 1000;
  const struct {
    const char* name;
    std::int64_t value, least, most;
  } ranges[] = {
      {"wall_ms", limits.wall_ms, 1, 30 * kDay},
      {"cpu_ms", limits.cpu_ms, 1, 1000 * kDay},
      // Below this not even the helper and bubblewrap fit.
      {"memory_mib", limits.memory_mib, 16, 1 << 24},
      {"processes", limits.processes, 1, 1 << 15},
      {"output_bytes", limits.output_bytes, 1, std::int64_t{1} << 44},
      {"output_files", limits.output_files, 1, 1 << 20},
      {"stream_bytes", limits.stream_bytes, 1, 1 << 30},
      {"tmp_mib", limits.tmp_mib, 1, 1 << 24},
  };
  for (const auto& range : ranges) {
    if (range.value < range.least || range.value > range.most) {
      return Nonsense("limit", std::string(range.name) + " is " + std::to_string(range.value) + ", not from " +
                                   std::to_string(range.least) + " to " + std::to_string(range.most));
    }
  }
  return {};
}

// Names that the dynamic loader and the C library read before the program does.
bool IsLoaderVariable(const std::string& name) {
  static constexpr const char* kNames[] = {"GCONV_PATH", "GETCONF_DIR",     "LOCPATH",     "MALLOC_TRACE",
                                           "NLSPATH",    "LOCALDOMAIN",     "RES_OPTIONS", "HOSTALIASES",
                                           "TZDIR",      "RESOLV_HOST_CONF"};
  return name.starts_with("LD_") || name.starts_with("GLIBC_") ||
         std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

Result<void> CheckEnvironment(const std::map<std::string, std::string>& extra) {
  for (const auto& [name, value] : extra) {
    const bool is_name =
        !name.empty() && (name[0] < '0' || name[0] > '9') &&
        name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
    if (!is_name || value.find('\0') != std::string::npos) {
      return Nonsense("environment", "\"" + name + "\" cannot be an environment variable");
    }
    const auto is_fixed = [&name = name](const auto& entry) { return entry.first == name; };
    if (std::any_of(std::begin(kEnvironment), std::end(kEnvironment), is_fixed) || IsLoaderVariable(name)) {
      return Nonsense("environment", name + " is not for a job to set");
    }
  }
  return {};
}

Result<void> CheckInputPaths(const std::vector<Input>& inputs) {
  if (inputs.size() > kInputsMax) return Nonsense("input", "there are more than 32 inputs");
  std::vector<std::string> paths;
  for (const Input& input : inputs) {
    if (!IsNormalPath(input.path_inside) || !input.path_inside.starts_with("/in/")) {
      return Nonsense("input", "\"" + input.path_inside + "\" is not a path below /in");
    }
    for (const std::string& other : paths) {
      if (IsAtOrBelow(other, input.path_inside) || IsAtOrBelow(input.path_inside, other)) {
        return Nonsense("input", "two inputs meet at " + input.path_inside);
      }
    }
    paths.push_back(input.path_inside);
  }
  return {};
}

bool IsWorkingDirectory(const Job& job) {
  const std::string& directory = job.working_directory;
  if (!IsNormalPath(directory)) return false;
  return directory == "/tmp" || directory == "/out" ||
         std::any_of(job.inputs.begin(), job.inputs.end(),
                     [&](const Input& input) { return IsAtOrBelow(directory, input.path_inside); });
}

// O_PATH: neither a FIFO nor a device is disturbed by being looked at.
Result<View> LookAt(const std::string& host_path, Error error) {
  const Descriptor found(open(host_path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat status;
  if (!found.valid() || fstat(found.get(), &status) != 0) {
    error.message += ": " + ErrorText(errno);
    return error;
  }
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
    error.message += ": it is neither a regular file nor a directory";
    return error;
  }
  return View{host_path, status.st_dev, status.st_ino, S_ISDIR(status.st_mode), "", ""};
}

}  // namespace

Result<void> CheckJob(const Job& job) {
  if (job.argv.empty() || !IsNormalPath(job.argv[0])) {
    return Nonsense("program", "the program must be given as an absolute path in normal form");
  }
  if (job.argv.size() + job.extra_environment.size() > 4000) return Nonsense("program", "more than 4000 arguments");
  for (const std::string& argument : job.argv) {
    if (argument.find('\0') != std::string::npos) return Nonsense("program", "an argument contains a NUL");
  }
  if (Result<void> checked = CheckLimits(job.limits); !checked.ok()) return checked;
  if (Result<void> checked = CheckEnvironment(job.extra_environment); !checked.ok()) return checked;
  if (Result<void> checked = CheckInputPaths(job.inputs); !checked.ok()) return checked;
  if (!IsWorkingDirectory(job)) {
    return Nonsense("working-directory",
                    "\"" + job.working_directory + "\" is neither /tmp, /out nor at or below an input");
  }
  return {};
}

Result<std::vector<View>> LookAtInputs(const std::vector<Input>& inputs) {
  std::vector<View> views;
  for (const Input& input : inputs) {
    std::error_code failed;
    const std::filesystem::path absolute = std::filesystem::absolute(input.host_path, failed);
    const std::string host_path = failed ? input.host_path.string() : absolute.string();
    Result<View> view = LookAt(host_path, Nonsense("input", "cannot use the input " + host_path));
    if (!view.ok()) return view.error();
    view->stage_name = "in-" + std::to_string(views.size());
    view->path_inside = input.path_inside;
    views.push_back(std::move(*view));
  }
  return views;
}

Result<View> LookAtHelper(const std::filesystem::path& helper) {
  Error missing =
      SystemFailure("sandbox.helper-missing", "pawl-sandbox-helper is not usable at \"" + helper.string() + "\"",
                    "Install it beside pawl or in ../libexec/pawl; a build makes it with the target "
                    "pawl-sandbox-helper.");
  Result<View> view = LookAt(helper.string(), missing);
  if (!view.ok()) return view;
  if (view->directory || access(helper.c_str(), X_OK) != 0) return missing;
  view->stage_name = "helper";
  view->path_inside = kHelperInside;
  return view;
}

std::vector<std::string> EnvironmentOf(const Job& job) {
  std::vector<std::string> entries;
  for (const auto& [name, value] : kEnvironment) entries.push_back(std::string(name) + "=" + std::string(value));
  for (const auto& [name, value] : job.extra_environment) entries.push_back(name + "=" + value);
  std::sort(entries.begin(), entries.end());
  return entries;
}

}  // namespace pawl::sandbox
