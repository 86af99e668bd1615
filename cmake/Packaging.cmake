# SPDX-License-Identifier: Apache-2.0
# What is installed where, and three Debian packages of it by CPack: `./dev package`.
#
# The target `packaged` builds all that the packages hold. Where a program goes is what it looks for:
# find_probe_folder() finds the probes in ../libexec/runup, and plugins are in /usr/lib/runup/plugins.

set(RUNUP_MAINTAINER "runup maintainers <runup@packages.invalid>" CACHE STRING "who answers for the packages")
set(packaging ${CMAKE_SOURCE_DIR}/packaging)
set(made ${CMAKE_BINARY_DIR}/packaging)

# The revision and the date are those of the newest entry of Debian's changelog.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${packaging}/deb/changelog)
file(READ ${packaging}/deb/changelog changelog)
if(NOT changelog MATCHES "^runup \\(([^-]*)-([^)]*)\\)" OR NOT CMAKE_MATCH_1 STREQUAL PROJECT_VERSION)
  message(FATAL_ERROR "packaging/deb/changelog begins with ${CMAKE_MATCH_1}; expected ${PROJECT_VERSION}")
endif()
set(revision ${CMAKE_MATCH_2})

# --- programs
set(RUNUP_LIBEXEC libexec/runup)
install(TARGETS runup RUNTIME DESTINATION bin COMPONENT runup)
set(packaged runup)
if(TARGET runupd)
  install(TARGETS runupd RUNTIME DESTINATION bin COMPONENT runup)
  list(APPEND packaged runupd)
endif()
set(CPACK_COMPONENTS_ALL runup)
foreach(runtime torch onnxruntime)
  if(TARGET runup-probe-${runtime})
    install(TARGETS runup-probe-${runtime} RUNTIME DESTINATION ${RUNUP_LIBEXEC} COMPONENT runup-${runtime})
    list(APPEND packaged runup-probe-${runtime})
    list(APPEND CPACK_COMPONENTS_ALL runup-${runtime})
  endif()
endforeach()
install(DIRECTORY DESTINATION lib/runup/plugins COMPONENT runup)
install(DIRECTORY DESTINATION /etc/runup COMPONENT runup)

# --- units
file(READ ${packaging}/systemd/sandbox.conf RUNUP_SANDBOX)
string(REGEX REPLACE "^# SPDX[^\n]*\n" "" RUNUP_SANDBOX "${RUNUP_SANDBOX}")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${packaging}/systemd/sandbox.conf)
foreach(unit runupd.service runup-audit@.service)
  configure_file(${packaging}/systemd/${unit}.in ${made}/systemd/${unit} @ONLY)
endforeach()
configure_file(${packaging}/systemd/runup-audit@.timer ${made}/systemd/runup-audit@.timer COPYONLY)
install(FILES ${made}/systemd/runupd.service ${made}/systemd/runup-audit@.service ${made}/systemd/runup-audit@.timer
  DESTINATION lib/systemd/system COMPONENT runup)
install(FILES ${packaging}/systemd/full-gate.conf ${packaging}/systemd/gpu.conf
  DESTINATION share/runup/systemd COMPONENT runup)
install(FILES ${packaging}/systemd/runup.sysusers DESTINATION lib/sysusers.d RENAME runup.conf COMPONENT runup)
install(FILES ${packaging}/systemd/runup.tmpfiles DESTINATION lib/tmpfiles.d RENAME runup.conf COMPONENT runup)

# --- what the program says of itself: completions and manual pages
find_package(Python3 COMPONENTS Interpreter)
find_program(RUNUP_GZIP gzip REQUIRED)
file(MAKE_DIRECTORY ${made}/completions ${made}/man ${made}/doc)
set(outputs)
foreach(shell bash fish zsh)
  add_custom_command(OUTPUT ${made}/completions/${shell}
    COMMAND runup completion ${shell} > ${made}/completions/${shell} DEPENDS runup VERBATIM)
  list(APPEND outputs ${made}/completions/${shell})
endforeach()
install(FILES ${made}/completions/bash DESTINATION share/bash-completion/completions RENAME runup COMPONENT runup)
install(FILES ${made}/completions/fish DESTINATION share/fish/vendor_completions.d RENAME runup.fish COMPONENT runup)
install(FILES ${made}/completions/zsh DESTINATION share/zsh/vendor-completions RENAME _runup COMPONENT runup)

set(man ${packaging}/man/make_man.py)
foreach(page runup.1 runup.yaml.5)
  add_custom_command(OUTPUT ${made}/man/${page}.gz
    COMMAND ${Python3_EXECUTABLE} -B ${man} ${page} ${packaging}/deb/changelog $<TARGET_FILE:runup> > ${made}/man/${page}
    COMMAND ${RUNUP_GZIP} --force --keep --no-name -9 ${made}/man/${page}
    DEPENDS runup ${man} ${packaging}/deb/changelog VERBATIM)
  list(APPEND outputs ${made}/man/${page}.gz)
endforeach()
add_custom_command(OUTPUT ${made}/man/runupd.8.gz
  COMMAND ${Python3_EXECUTABLE} -B ${man} runupd.8 ${packaging}/deb/changelog ${packaging}/man/runupd.8 > ${made}/man/runupd.8
  COMMAND ${RUNUP_GZIP} --force --keep --no-name -9 ${made}/man/runupd.8
  DEPENDS ${man} ${packaging}/man/runupd.8 ${packaging}/deb/changelog VERBATIM)
list(APPEND outputs ${made}/man/runupd.8.gz)
install(FILES ${made}/man/runup.1.gz DESTINATION share/man/man1 COMPONENT runup)
install(FILES ${made}/man/runup.yaml.5.gz DESTINATION share/man/man5 COMPONENT runup)
install(FILES ${made}/man/runupd.8.gz DESTINATION share/man/man8 COMPONENT runup)

# --- documents, which each package has
foreach(pair deb/changelog=changelog.Debian ../CHANGELOG.md=changelog)
  string(REGEX MATCH "(.*)=(.*)" pair ${pair})
  set(from ${packaging}/${CMAKE_MATCH_1})
  set(to ${made}/doc/${CMAKE_MATCH_2})
  add_custom_command(OUTPUT ${to}.gz
    COMMAND ${CMAKE_COMMAND} -E copy ${from} ${to}
    COMMAND ${RUNUP_GZIP} --force --no-name -9 ${to} DEPENDS ${from} VERBATIM)
  list(APPEND outputs ${to}.gz)
endforeach()
foreach(component ${CPACK_COMPONENTS_ALL})
  install(FILES ${packaging}/deb/copyright ${made}/doc/changelog.gz ${made}/doc/changelog.Debian.gz
    DESTINATION share/doc/${component} COMPONENT ${component})
  install(FILES ${packaging}/deb/${component}.lintian-overrides
    DESTINATION share/lintian/overrides RENAME ${component} COMPONENT ${component})
endforeach()
install(FILES ${packaging}/examples/sign-language.yaml ${CMAKE_SOURCE_DIR}/configs/examples/sign-language-service/runup.yaml
  DESTINATION share/doc/runup/examples COMPONENT runup)

add_custom_target(packaged ALL DEPENDS ${outputs})
add_dependencies(packaged ${packaged})

# --- packages
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME runup)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${revision})
set(CPACK_DEBIAN_PACKAGE_MAINTAINER ${RUNUP_MAINTAINER})
set(CPACK_DEBIAN_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
if(PROJECT_HOMEPAGE_URL)
  set(CPACK_DEBIAN_PACKAGE_HOMEPAGE ${PROJECT_HOMEPAGE_URL})
endif()

# The static executable needs nothing; the daemon is linked to libraries that dpkg-shlibdeps knows.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_RUNUP_PACKAGE_NAME runup)
# A host with systemd has the second, and an image without it gets the first, which is small.
set(CPACK_DEBIAN_RUNUP_PACKAGE_DEPENDS "systemd-standalone-sysusers | systemd-sysusers")
set(CPACK_DEBIAN_RUNUP_PACKAGE_SUGGESTS "runup-torch, runup-onnxruntime, bash-completion")
set(CPACK_DEBIAN_RUNUP_PACKAGE_CONTROL_EXTRA
  ${packaging}/deb/postinst ${packaging}/deb/prerm ${packaging}/deb/postrm)
set(CPACK_DEBIAN_RUNUP_DESCRIPTION "deployment preflight for model servers
runup looks at the package of a model server, runs a real inference with the
service's own Python, libtorch or ONNX Runtime, starts the server with and
without its model, and says whether it is ready, with the cause and the fix
of each problem.

runupd audits the servers of a host on a schedule and answers load balancers
and deploy scripts; a systemd timer does without a resident daemon.")
foreach(runtime torch onnxruntime)
  string(TOUPPER RUNUP-${runtime} component)
  set(CPACK_DEBIAN_${component}_PACKAGE_NAME runup-${runtime})
  set(CPACK_DEBIAN_${component}_PACKAGE_DEPENDS "runup (= ${PROJECT_VERSION}-${revision})")
endforeach()
# It is loaded by name, which dpkg-shlibdeps does not see; src/probes/onnxruntime/library.cpp has the name.
string(APPEND CPACK_DEBIAN_RUNUP-ONNXRUNTIME_PACKAGE_DEPENDS ", libonnxruntime1.21")
set(CPACK_DEBIAN_RUNUP-TORCH_DESCRIPTION "deployment preflight for model servers - libtorch
runup looks at the package of a model server and runs a real inference.

This package holds the probe that runs TorchScript, and state_dicts that fill
it, in libtorch: where the service's own Python is not there, and as the
second witness where it is.")
set(CPACK_DEBIAN_RUNUP-ONNXRUNTIME_DESCRIPTION "deployment preflight for model servers - ONNX Runtime
runup looks at the package of a model server and runs a real inference.

This package holds the probe that runs ONNX models in ONNX Runtime: where the
service's own Python is not there, and as the second witness where it is.")
include(CPack)
