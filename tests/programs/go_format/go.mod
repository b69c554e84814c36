module pushvar.example/go_format

go 1.21
