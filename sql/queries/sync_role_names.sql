SELECT voice._sync_role_names()
