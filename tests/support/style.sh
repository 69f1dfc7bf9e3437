# Sourced by the checks in tests/style that are shell scripts, in the top of the source tree.

# The version of clang's tools with which the tree is kept clean: others format and warn differently.
llvm=14

skip() { # exit code 77: tests/run counts the check as skipped and shows the reason
    echo "$*"
    exit 77
}

need_llvm() { # need_llvm PROGRAM
    local version
    command -v "$1" >/dev/null || skip "$1 is not installed"
    version=$("$1" --version | sed -n 's/.*version \([0-9]*\).*/\1/p' | head -n 1)
    [ "$version" = "$llvm" ] || skip "$1 is of version $version, and the tree is kept clean with $llvm"
}

c_files() { # c_files FOLDER...: also where the tree is no repository
    find "$@" -name '*.[ch]' | sort
}
