module example.org/expvar_zoo

go 1.21
