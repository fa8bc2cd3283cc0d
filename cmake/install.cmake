# Installs the library, its headers and the CMake package that find_package(torch_rbm) reads.

include(CMakePackageConfigHelpers)
set(package_dir "share/cmake/torch_rbm")

# lib, not lib64: the Python package looks for the library in one place on every system.
install(TARGETS torch_rbm EXPORT torch_rbm-targets LIBRARY DESTINATION lib ARCHIVE DESTINATION lib
        RUNTIME DESTINATION bin)
install(DIRECTORY csrc/include/torch_rbm DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(DIRECTORY "${generated_include}/torch_rbm" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT torch_rbm-targets NAMESPACE torch_rbm:: DESTINATION "${package_dir}")

configure_package_config_file(cmake/torch_rbm-config.cmake.in torch_rbm-config.cmake
  INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file(torch_rbm-config-version.cmake COMPATIBILITY SameMinorVersion)
configure_file(cmake/build_info.json.in build_info.json @ONLY)
install(FILES
  "${CMAKE_CURRENT_BINARY_DIR}/torch_rbm-config.cmake"
  "${CMAKE_CURRENT_BINARY_DIR}/torch_rbm-config-version.cmake"
  "${CMAKE_CURRENT_BINARY_DIR}/build_info.json"
  DESTINATION "${package_dir}")
