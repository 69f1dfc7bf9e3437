# Compiler and linker flags of every target, as an interface library.
add_library(imapmux_flags INTERFACE)
target_compile_definitions(imapmux_flags INTERFACE _GNU_SOURCE)
target_compile_options(imapmux_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wswitch-enum -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2
  -fstack-protector-strong -fno-strict-aliasing)

if(IMAPMUX_SANITIZE)
  target_compile_options(imapmux_flags INTERFACE -fsanitize=${IMAPMUX_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(imapmux_flags INTERFACE -fsanitize=${IMAPMUX_SANITIZE})
else()
  target_compile_options(imapmux_flags INTERFACE -fstack-clash-protection -fPIE
    $<$<CONFIG:Release>:-U_FORTIFY_SOURCE$<SEMICOLON>-D_FORTIFY_SOURCE=3>)
  target_link_options(imapmux_flags INTERFACE -pie -Wl,-z,relro -Wl,-z,now)
endif()

if(IMAPMUX_COVERAGE)
  target_compile_options(imapmux_flags INTERFACE --coverage)
  target_link_options(imapmux_flags INTERFACE --coverage)
endif()

# Asserts stay on in release builds: our own invariants are worth their price.
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g")
