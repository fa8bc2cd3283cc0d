# The warnings that torch_rbm's own files are held to.

function(torch_rbm_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion)
  if(TORCH_RBM_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
