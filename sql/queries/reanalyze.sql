SELECT voice._reanalyze($1)
