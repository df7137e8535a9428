SELECT voice._follow_roles()
