// Everything a C++ program needs from torch_rbm.
#pragma once

#include <torch_rbm/dbn.h>
#include <torch_rbm/files.h>
#include <torch_rbm/ops.h>
#include <torch_rbm/ratings.h>
#include <torch_rbm/rbm.h>
#include <torch_rbm/training.h>
#include <torch_rbm/version.h>
