module pushvar.example/gated

go 1.21
