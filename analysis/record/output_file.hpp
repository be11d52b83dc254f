// A file that is written from front to back. Records arrive deep inside a run, on fibers too, where throwing would
// end more than the file: the first error is kept, later writes do nothing, and `close` tells.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace seqlab::analysis {

class OutputFile {
 public:
  /// Makes or truncates `path`. @throws scenarios::InputError if that fails
  explicit OutputFile(std::string path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(std::string_view bytes) noexcept;
  bool failed() const { return error_ != 0; }
  /// Flushes. @throws scenarios::InputError with the first error, such as a full disk
  void close();

 private:
  std::string path_;
  std::FILE* file_ = nullptr;
  int error_ = 0;
};

/// Writes a whole small file. @throws scenarios::InputError
void write_file(const std::string& path, std::string_view text);
/// Reads a whole file. @throws scenarios::InputError
std::string read_file(const std::string& path);

/// "cannot <do>: <reason>" about `path`, with advice for the usual reasons. Thrown by everything that touches files.
[[noreturn]] void throw_file_error(const std::string& path, const std::string& what, int error);

}  // namespace seqlab::analysis
