module pushvar.example/shop

go 1.21
