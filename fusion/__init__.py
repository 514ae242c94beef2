"""Two images in, one image out."""

from fusion.method import Card, LumaMethod, Method, MethodError, WeightFile, load_method, methods, register

__all__ = ["Card", "LumaMethod", "Method", "MethodError", "WeightFile", "load_method", "methods", "register"]
