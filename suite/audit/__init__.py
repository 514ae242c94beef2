"""Audit of a claimed table: which definition and which preparation of the pictures gives the printed digits?"""
