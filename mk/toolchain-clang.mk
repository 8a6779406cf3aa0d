# Clang, for every target. Its objects take the place of GCC's, unless make is told of another folder: BUILD=build/clang.
CC := clang
AR := ar
