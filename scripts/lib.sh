# shellcheck shell=sh
# Shared by the scripts of this folder: find the repository, install what is missing, configure, build. POSIX sh.
#
# Everything here talks on stderr, because the program's results own stdout. In the environment:
#   CXX, CC, CXXFLAGS, LDFLAGS  compiler and flags; with CC alone its C++ sister is taken
#   SEQLAB_BUILD_DIR            folder of the Release tree, by default build/ of the repository
#   SEQLAB_NO_INSTALL=1         never install packages; CMake then names what is missing

# Status of a script that could not get to its work. `git bisect run` skips a revision on it, and it is none of the
# program's own (0 ... 4).
status_no_build=125

say() { printf 'seqlab: %s\n' "$*" >&2; }
fail() {
  say "$*"
  exit "$status_no_build"
}

# Makes `root`: the repository of the script that runs, also when it was called through a symbolic link.
find_root() {
  root=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd -P) || exit "$status_no_build"
}

# Makes `build`, absolute, and `state`, the folder with what these scripts remember of it.
use_build_dir() {
  case ${SEQLAB_BUILD_DIR:-} in
    '') build=$root/build ;;
    /*) build=$SEQLAB_BUILD_DIR ;;
    *) build=$PWD/$SEQLAB_BUILD_DIR ;;
  esac
  state=$build/.seqlab
}

# CMake asks for C++ only, so CC by itself would have no effect.
choose_compiler() {
  if [ -z "${CXX:-}" ]; then
    case ${CC:-} in
      *clang++* | *g++*) CXX=$CC ;;
      *clang*) CXX=$(printf '%s' "$CC" | sed 's/\(.*\)clang/\1clang++/') ;;
      *gcc*) CXX=$(printf '%s' "$CC" | sed 's/\(.*\)gcc/\1g++/') ;;
      *) CXX=g++ ;;
    esac
  fi
  export CXX
}

# The packages of the groups named, in one line.
packages_of() {
  for group in "$@"; do sed -n "s/^$group  *//p" "$root/scripts/packages.txt"; done | tr '\n' ' '
}

# A compiler that was asked for by name and is not there, as its Debian package.
compiler_package() {
  command -v "${CXX%% *}" > /dev/null && return
  case $CXX in
    clang++) echo clang ;;
    clang++-[0-9]*) echo "clang-${CXX#clang++-}" ;;
    g++-[0-9]*) echo "$CXX" ;;
  esac
}

# Makes `as_root`: the words that make a command run as root. Asks for a password now, and only on a terminal.
become_root() {
  as_root=''
  [ "$(id -u)" != 0 ] || return 0
  command -v sudo > /dev/null || fail "installing needs root and there is no sudo; as root: apt-get install $missing"
  if [ -t 0 ]; then sudo -v; else sudo -n true; fi || fail "sudo refuses; as root: apt-get install $missing"
  as_root='sudo -n'
}

# shellcheck disable=SC2086  # as_root is words
apt() {
  $as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C \
    apt-get -y -q -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 "$@" < /dev/null
}

# Makes `installed` (names and versions of what is there) and `missing`. One process: this runs on every call.
# shellcheck disable=SC2016,SC2086  # dpkg-query expands the format; the packages are words
look_for_packages() {
  installed='' missing=''
  command -v dpkg-query > /dev/null || return 0 # not Debian; CMake will name what it does not find
  installed=$(dpkg-query -W -f '${Package}=${Version}=${db:Status-Status}\n' "$@" 2> /dev/null | tr '\n' ' ')
  for package in "$@"; do
    case " $installed" in
      *" $package="*"=installed "*) ;;
      *) missing="$missing$package " ;;
    esac
  done
}

install_missing() {
  [ -n "$missing" ] || return 0
  [ -z "${SEQLAB_NO_INSTALL:-}" ] || return 0
  command -v apt-get > /dev/null || fail "these packages are missing and there is no apt-get: $missing"
  say "installing Debian packages: $missing"
  become_root
  mkdir -p "$state" || fail "cannot write to $build"
  # The package lists may be absent (fresh system) or old (404 on a file); both show as a failed installation.
  # shellcheck disable=SC2086
  if ! apt install --no-install-recommends $missing > "$state/apt.log" 2>&1; then
    say "updating the package lists first"
    if ! { apt update && apt install --no-install-recommends $missing; } >> "$state/apt.log" 2>&1; then
      tail -n 15 "$state/apt.log" >&2
      fail "could not install: $missing"
    fi
  fi
}

# Lets one script at a time into the build folder. The lock ends with the script, also with a killed one.
lock_build() {
  # A redirection that fails would end the script with a status of the program's own.
  { mkdir -p "$state" && touch "$state/lock" && [ -w "$state/lock" ]; } 2> /dev/null || fail "cannot write to $build"
  command -v flock > /dev/null || return 0
  exec 9> "$state/lock"
  flock -n 9 && return
  say "another build is running in $build; waiting for it"
  flock 9
}
unlock_build() { exec 9>&-; }

# What decides, besides the sources, what a build gives.
signature() { printf '%s\n' "$root" "$CXX" "${CXXFLAGS:-} ${LDFLAGS:-}" "$*" "$installed"; }

# Whether `build` holds `target` ($1, a file of the build folder) made of just these sources and settings. Cheap: one
# `find`. The stamp's content says with what the last good build was made, `begin` is older than it, the stamp itself
# younger: a source that changed since `begin`, or a program or a cache that somebody else wrote since, is no match.
is_current() {
  [ -x "$build/$1" ] && [ -f "$state/begin" ] && [ -f "$state/stamp" ] || return 1
  [ "$wanted" = "$(cat "$state/stamp")" ] || return 1
  [ -z "$(find "$build/$1" "$build/CMakeCache.txt" -newer "$state/stamp" -print -quit)" ] || return 1
  # Folders count, too: their time moves when a file comes or goes.
  [ -z "$(cd "$root" && find CMakeLists.txt sim protocols scenarios analysis -newer "$state/begin" -print -quit)" ]
}

# Shows ninja's progress: one line that redraws on a terminal, else a line every tenth part.
show_progress() {
  shown=0
  while IFS= read -r line; do
    printf '%s\n' "$line"
    case $line in '['*/*']'*) ;; *) continue ;; esac
    done=${line#[}
    done=${done%%/*}
    total=${line#*/}
    total=${total%%]*}
    if [ -t 2 ]; then
      printf '\r\033[Kseqlab: building %s of %s' "$done" "$total" >&2
    elif [ "$total" -ge 10 ] && [ $((done * 10 / total)) -gt "$shown" ]; then
      shown=$((done * 10 / total))
      say "building $done of $total"
    fi
  done > "$state/build.log"
  if [ -t 2 ]; then printf '\r\033[K' >&2; fi
}

# Configures if the settings changed, then builds the targets named. Ends the script with the compiler's words if that
# fails. Call under the lock.
# $1: CMake settings (words), the rest: targets
build_targets() {
  settings=$1
  shift
  if [ ! -f "$build/build.ninja" ] || [ ! -f "$state/configured" ] || [ "$wanted" != "$(cat "$state/configured")" ] ||
    [ -n "$(find "$build/CMakeCache.txt" -newer "$state/configured" -print -quit)" ]; then
    configure "$settings"
  fi
  rm -f "$state/stamp"
  touch "$state/begin"
  { NINJA_STATUS='[%f/%t] ' ninja -C "$build" "$@" 2>&1 < /dev/null; echo $? > "$state/status"; } | show_progress
  if [ "$(cat "$state/status")" != 0 ]; then
    # From the first failure on; CMake's own errors (a file list that changed) come without that word.
    { grep -q '^FAILED' "$state/build.log" && sed -n '/^FAILED/,$p' "$state/build.log" | head -n 80; } >&2 ||
      tail -n 40 "$state/build.log" >&2
    fail "the build failed; all of it: $state/build.log"
  fi
  # ninja may have run CMake again, which is no foreign change.
  printf '%s\n' "$wanted" > "$state/configured"
  printf '%s\n' "$wanted" > "$state/stamp"
}

# shellcheck disable=SC2086  # the settings are words
configure() {
  say "configuring $build ($CXX)"
  # Headers of a package keep the time of their making, so ninja would not see that they were replaced.
  if [ -f "$build/build.ninja" ] && [ -f "$state/configured" ] &&
    [ "$(tail -n 1 "$state/configured")" != "$(printf '%s\n' "$wanted" | tail -n 1)" ]; then
    ninja -C "$build" -t clean > /dev/null 2>&1 || true
  fi
  if ! cmake --fresh -S "$root" -B "$build" -G Ninja $1 > "$state/configure.log" 2>&1 < /dev/null; then
    cat "$state/configure.log" >&2
    fail "CMake could not configure; missing packages are named above"
  fi
}

# All of it: packages, then the targets, in the Release tree.
# $1: groups of packages, $2: CMake settings, the rest: targets
prepare() {
  groups=$1
  settings=$2
  shift 2
  # shellcheck disable=SC2046,SC2086
  look_for_packages $(packages_of $groups) $(compiler_package)
  lock_build
  if [ -n "$missing" ]; then
    install_missing
    # shellcheck disable=SC2046,SC2086
    look_for_packages $(packages_of $groups) $(compiler_package)
  fi
  command -v "${CXX%% *}" > /dev/null || fail "there is no compiler $CXX"
  wanted=$(signature "$settings")
  build_targets "$settings" "$@"
  unlock_build
}
