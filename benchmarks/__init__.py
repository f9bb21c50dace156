"""Measures the client and both adapters beside their floors and the packages they replace."""
