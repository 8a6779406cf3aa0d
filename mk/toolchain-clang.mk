# Clang, for every target; objects go to folders of their own.
CC := clang
AR := ar
BUILD_SUFFIX := -clang
