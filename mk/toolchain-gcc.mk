# GCC, for every target.
CC := gcc
AR := gcc-ar
