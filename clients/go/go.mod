module onerouter.pro/orharness

go 1.19
