#include "analysis/record/output_file.hpp"

#include <cerrno>
#include <cstring>
#include <system_error>

#include "scenarios/spec/diagnostics.hpp"

namespace seqlab::analysis {

void throw_file_error(const std::string& path, const std::string& what, int error) {
  scenarios::Problem problem;
  problem.file = path;
  problem.text = what + ": " + std::generic_category().message(error);
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: problem.hint = "make room, or name a folder on another disk"; break;
    case EACCES:
    case EPERM:
    case EROFS: problem.hint = "name a folder that you may write to"; break;
    case ENOTDIR: problem.hint = "a part of the path is a file"; break;
    default: break;
  }
  throw scenarios::InputError(std::move(problem));
}

OutputFile::OutputFile(std::string path) : path_(std::move(path)) {
  file_ = std::fopen(path_.c_str(), "wb");
  if (file_ == nullptr) throw_file_error(path_, "cannot write", errno);
  std::setvbuf(file_, nullptr, _IOFBF, std::size_t{1} << 18U);
}

OutputFile::~OutputFile() {
  if (file_ != nullptr) std::fclose(file_);
}

void OutputFile::write(std::string_view bytes) noexcept {
  if (error_ != 0) return;
  errno = 0;
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) error_ = errno != 0 ? errno : EIO;
}

void OutputFile::close() {
  if (file_ == nullptr) return;
  errno = 0;
  if (std::fclose(file_) != 0 && error_ == 0) error_ = errno != 0 ? errno : EIO;
  file_ = nullptr;
  if (error_ != 0) throw_file_error(path_, "cannot write", error_);
}

void write_file(const std::string& path, std::string_view text) {
  OutputFile file(path);
  file.write(text);
  file.close();
}

std::string read_file(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) throw_file_error(path, "cannot read", errno);
  std::string text;
  char part[65536];
  std::size_t got = 0;
  while ((got = std::fread(part, 1, sizeof part, file)) > 0) text.append(part, got);
  const int error = std::ferror(file) != 0 ? errno : 0;
  std::fclose(file);
  if (error != 0) throw_file_error(path, "cannot read", error);
  return text;
}

}  // namespace seqlab::analysis
