module example.org/pushers

go 1.21
