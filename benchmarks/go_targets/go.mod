module example.org/targets

go 1.21
