"""OS-EP-FILTER: which endpoints a project finds in its catalog. A project without any association finds all."""
